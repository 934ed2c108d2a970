"""Broken and odd pictures: the files, and what g4-vision must say to each."""
import random
import struct
import zlib

from material import Folder, convert, cut, ffmpeg, patch, uint

PNG = b"\x89PNG\r\n\x1a\n"


def chunk(kind, data, crc=None):
    check = zlib.crc32(kind + data) if crc is None else crc
    return uint(len(data)) + kind + data + uint(check)


def png(width=16, height=16, depth=8, colour=2, rows=None, more=b"", compression=0, filtering=0, interlace=0):
    """A PNG; rows: the bytes before compression, `more`: chunks before the pixels."""
    head = struct.pack(">IIBBBBB", width, height, depth, colour, compression, filtering, interlace)
    if rows is None:
        rows = (b"\0" + bytes(range(48))) * 16
    return PNG + chunk(b"IHDR", head) + more + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def wide_png(width, height):
    """One bit a pixel, all of it white; compressed in pieces."""
    pack = zlib.compressobj(1)
    row = b"\0" + b"\xff" * (-(-width // 8))
    many = row * 1000
    out = [pack.compress(many) for _ in range(height // 1000)]
    out += [pack.compress(row * (height % 1000)), pack.flush()]
    head = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return PNG + chunk(b"IHDR", head) + chunk(b"IDAT", b"".join(out)) + chunk(b"IEND", b"")


def text_bomb(expanded):
    pack = zlib.compressobj(9)
    million = b"x" * 1000000
    body = b"".join([*(pack.compress(million) for _ in range(expanded // 1000000)), pack.flush()])
    return b"Comment\0\0" + body


def marker(code, body=b""):
    return bytes([0xFF, code]) + (struct.pack(">H", len(body) + 2) + body)


def progressive_jpeg(scans, width=64, height=64):
    """A grey picture whose coefficients come one bit at a time, each by the rules: up to 895 scans."""
    blocks = (width // 8) * (height // 8)
    table = marker(0xC4, b"\x00\x01" + bytes(15) + b"\x00") + marker(0xC4, b"\x10\x01" + bytes(15) + b"\x00")
    out = [b"\xff\xd8", marker(0xDB, b"\0" + b"\1" * 64),
           marker(0xC2, struct.pack(">BHHB", 8, height, width, 1) + b"\1\x11\0"), table]
    nothing = bytes(blocks // 8)                                # one bit a block: the only code, "no more here"
    steps = [(0, 0, 0 if low == 13 else low + 1, low) for low in range(13, -1, -1)]
    steps += [(k, k, 0 if low == 13 else low + 1, low) for k in range(1, 64) for low in range(13, -1, -1)]
    for first, last, high, low in steps[:scans]:
        out.append(marker(0xDA, bytes([1, 1, 0, first, last, high << 4 | low])) + nothing)
    return b"".join(out) + b"\xff\xd9"


def exif(orientation, order="II", kind=3, count=1):
    e = "<" if order == "II" else ">"
    value = struct.pack(e + "HH", orientation, 0) if kind == 3 else struct.pack(e + "I", orientation)
    return order.encode() + struct.pack(e + "HIH", 42, 8, 1) + struct.pack(e + "HHI", 0x112, kind,
                                                                           count) + value + bytes(4)


def with_exif(jpeg, body):
    return jpeg[:2] + marker(0xE1, b"Exif\0\0" + body) + jpeg[2:]


def bmp(width, height, bits=24, data=None, header=40):
    data = bytes(3 * 16 * 16) if data is None else data
    head = struct.pack("<IiiHHIIiiII", header, width, height, 1, bits, 0, len(data), 0, 0, 0, 0)
    return b"BM" + struct.pack("<IHHI", 14 + len(head) + len(data), 0, 0, 14 + len(head)) + head + data


def tiff(width, height, more=(), strip=b"\x80" * 768):
    """An uncompressed RGB TIFF with further or other tags."""
    tags = {256: (4, width), 257: (4, height), 258: (3, 8), 259: (3, 1), 262: (3, 2), 273: (4, 8), 277: (3, 3),
            278: (4, height), 279: (4, len(strip)), **dict(more)}
    at = 8 + len(strip)
    out = b"II*\0" + struct.pack("<I", at) + strip + struct.pack("<H", len(tags))
    for tag, (kind, value) in sorted(tags.items()):
        out += struct.pack("<HHII", tag, kind, 1, value & 0xFFFFFFFF)
    return out + bytes(4)


def ftyp(brand):
    return uint(24) + b"ftyp" + brand + bytes(4) + brand + b"mif1" + uint(20) + b"meta" + bytes(12)


def make_base(f):
    convert(f, "-size", "96x64", "gradient:red-blue", "-swirl", "60", "base.png")
    convert(f, "base.png", "-depth", "16", "png48:sixteen.png")
    convert(f, "base.png", "-colors", "16", "-transparent", "red", "png8:palette.png")
    convert(f, "base.png", "-colorspace", "gray", "grey.png")
    convert(f, "base.png", "-alpha", "set", "-channel", "A", "-evaluate", "multiply", "0.5", "png32:alpha.png")
    convert(f, "base.png", "-colorspace", "gray", "-monochrome", "-define", "png:bit-depth=1", "one-bit.png")
    convert(f, "base.png", "-interlace", "PNG", "interlaced.png")
    convert(f, "base.png", "-quality", "85", "base.jpg")
    convert(f, "base.png", "-colorspace", "CMYK", "cmyk.jpg")
    convert(f, "base.png", "-colorspace", "gray", "grey.jpg")
    convert(f, "base.png", "-interlace", "JPEG", "progressive.jpg")
    convert(f, "base.png", "-sampling-factor", "4:1:1", "sampled.jpg")
    for name in ("base.webp", "base.gif", "base.bmp", "base.tiff", "base.ppm", "base.pgm", "base.pbm", "base.pcx",
                 "base.tga"):
        convert(f, "base.png", name)
    convert(f, "base.png", "-define", "webp:lossless=true", "lossless.webp")
    convert(f, "base.png", "(", "base.png", "-negate", ")", "moving.gif")
    convert(f, "base.png", "(", "base.png", "-negate", ")", "pages.tiff")
    ffmpeg(f, "-loop", "1", "-i", "base.png", "-vf", "rotate=n*0.2", "-frames:v", "4", "-c:v", "libwebp_anim",
           "moving.webp",
           "-frames:v", "1", "-pix_fmt", "yuv420p", "-c:v", "mjpeg", "mjpeg.jpg")


class Picture(Folder):
    program = "g4-vision"
    options = ("-t", "70")
    seed_options = ("-t", "70")

    def nothing(self):
        r = random.Random(2)
        for name, data in {"empty.png": b"", "one-byte.png": b"\x89", "zeros.png": bytes(65536),
                           "text.jpg": b"not a picture\n" * 99, "noise.png": r.randbytes(65536),
                           "noise.jpg": b"\xff\xd8\xff" + r.randbytes(9000),
                           "noise-behind.png": PNG + r.randbytes(9000),
                           "noise.webp": b"RIFF\0\x10\0\0WEBPVP8 " + r.randbytes(4100),
                           "noise.gif": b"GIF89a" + r.randbytes(3000),
                           "noise.tiff": b"II*\0\x08\0\0\0" + r.randbytes(3000),
                           "noise.ppm": b"P6 16 16 255\n" + r.randbytes(100), "noise.bmp": b"BM" + r.randbytes(3000),
                           "noise.qoi": b"qoif" + r.randbytes(300)}.items():
            self.case(name, data, "E")

    def other_media(self):
        self.case("sound.png", self.top("examples/media/code.flac"), "E", says="g4-audio")
        self.case("sound.jpg", self.top("examples/media/command.wav"), "E", says="g4-audio")
        self.case("clip.png", self.top("examples/media/clip.mp4"), "E", says="g4-video")
        self.case("stream.png", b"\x89G4S\r\n\x1a\n" + bytes(200), "E", says="g4-decode")
        self.case("page.pdf", b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\n%%EOF\n", "E")
        for name, data in {"really-png.jpg": "base.png", "really-jpeg.png": "base.jpg",
                           "really-webp.txt": "base.webp",
                           "really-gif.mp4": "base.gif"}.items():
            self.case(name, self.read(data), "A")
        self.given(".", "E", says="directory")
        self.given("absent.png", "E")
        self.given("https://127.0.0.1:9/a.png", "E", says="curl", alone=True)

    def cuts(self):
        for kind in ("png", "jpg", "webp", "ppm", "gif", "bmp", "tiff"):
            data = self.read("base." + kind)
            self.case("cut." + kind, cut(data, 0.5), "E")
            self.case("header." + kind, data[:24], "E")
            self.case("two-bytes." + kind, data[:2], "E")
        for name in ("interlaced.png", "progressive.jpg", "palette.png", "lossless.webp"):
            self.case("cut-" + name, cut(self.read(name), 0.6), "E")
        data = self.read("base.png")
        self.case("signature-only.png", data[:8], "E")
        self.case("no-pixels.png", data[:33] + chunk(b"IEND", b""), "E")
        self.case("cut-in-chunk.png", data[:data.index(b"IDAT") + 6], "E", says="truncated")
        self.case("cut-crc.png", data[:-2], "AE")
        self.case("cut-pipe.png", cut(data, 0.5), "E", pipe=True)
        jpeg = self.read("base.jpg")
        self.case("cut-in-marker.jpg", jpeg[:jpeg.index(b"\xff\xda") + 1], "E")
        self.case("no-end.jpg", jpeg[:-2], "AE")
        self.case("end-first.jpg", b"\xff\xd8\xff\xd9", "E")

    def absurd(self):
        for name, fields in {"width-0": dict(width=0), "height-0": dict(height=0),
                             "width-2-31": dict(width=2**31 - 1),
                             "width-beyond": dict(width=2**31), "height-2-31": dict(height=2**31 - 1),
                             "both-2-31": dict(width=2**31 - 1, height=2**31 - 1), "depth-3": dict(depth=3),
                             "colour-7": dict(colour=7), "depth-colour": dict(depth=16, colour=3),
                             "compression-9": dict(compression=9), "filtering-9": dict(filtering=9),
                             "interlace-2": dict(interlace=2), "no-palette": dict(colour=3),
                             "few-rows": dict(height=99)}.items():
            self.case(name + ".png", png(**fields), "E", cpu=1, memory=200 << 20)
        self.case("filter-type-9.png", png(rows=(b"\x09" + bytes(48)) * 16), "E", cpu=1)
        self.case("many-rows.png", png(rows=(b"\0" + bytes(48)) * 5000), "AE", cpu=1)
        self.case("head-crc.png", PNG + chunk(b"IHDR", struct.pack(">IIBBBBB", 4, 4, 8, 2, 0, 0, 0), 5) + png()[33:],
                  "E")
        self.case("chunk-length.png", png()[:33] + b"\xff\xff\xff\xffIDAT" + bytes(20), "E", cpu=1)
        self.case("unknown-critical.png", png(more=chunk(b"Xyzw", b"")), "AE", cpu=1)
        self.case("two-heads.png", png(more=png()[8:33]), "E", cpu=1)
        jpeg, at = self.read("base.jpg"), self.read("base.jpg").index(b"\xff\xc0") + 5
        for name, size in {"0x0": (0, 0), "width-0": (64, 0), "65535": (65535, 65535), "height-0": (0, 96)}.items():
            self.case(name + ".jpg", jpeg[:at] + struct.pack(">HH", *size) + jpeg[at + 4:], "E", cpu=2,
                      memory=900 << 20)
        self.case("components-0.jpg", jpeg[:at + 4] + b"\0" + jpeg[at + 5:], "E", cpu=1)
        self.case("precision-12.jpg", jpeg[:at - 1] + b"\x0c" + jpeg[at:], "E", cpu=1)
        for name, (w, h) in {"width-0": (0, 16), "width-2-31": (2**31 - 1, 1), "height-least": (16, -2**31),
                             "width-negative": (-16, 16), "both": (2**31 - 1, 2**31 - 1),
                             "height-0": (16, 0)}.items():
            self.case(name + ".bmp", bmp(w, h), "E", cpu=1, memory=200 << 20)
        self.case("top-down.bmp", bmp(16, -16), "A")
        self.case("bits-3.bmp", bmp(16, 16, bits=3), "E")
        self.case("header-4-gib.bmp", bmp(16, 16, header=2**32 - 1), "E")
        for name, head in {"zero": b"P6 0 0 255\n", "huge": b"P6 99999999999999999999 1 255\n",
                           "large": b"P6 65536 65536 255\n",
                           "negative": b"P6 -4 4 255\n", "maxval-0": b"P6 4 4 0\n", "maxval-65536": b"P6 4 4 65536\n",
                           "no-size": b"P6", "comment": b"P6 #" + b"x" * 99999, "word": b"P6 four 4 255\n"}.items():
            self.case(name + ".ppm", head + bytes(3000), "E", cpu=1, memory=200 << 20)
        self.case("width-65535.gif", patch(self.read("base.gif"), b"GIF8", 6, b"\xff\xff\xff\xff"), "AE", cpu=2)
        for name, (w, h, more) in {"zero": (0, 0, ()), "huge": (2**32 - 1, 2**32 - 1, ()),
                                   "large": (2**31 - 1, 1, ()),
                                   "samples-65535": (16, 16, {277: (3, 65535)}), "bits-0": (16, 16, {258: (3, 0)}),
                                   "strip-beyond": (16, 16, {273: (4, 2**32 - 1)}),
                                   "strip-long": (16, 16, {279: (4, 2**32 - 1)})}.items():
            self.case(name + ".tiff", tiff(w, h, more), "E", cpu=1, memory=200 << 20)
        loop = tiff(16, 16)
        self.case("loop.tiff", loop[:-4] + loop[4:8], "AE", cpu=1)
        self.case("good.tiff", tiff(16, 16), "A")
        vp8x = b"VP8X\x0a\0\0\0\0\0\0\0" + b"\xff" * 6
        self.case("canvas-2-24.webp", b"RIFF" + uint(4 + len(vp8x), "<") + b"WEBP" + vp8x, "E", cpu=1)
        self.case("riff-length.webp", patch(self.read("base.webp"), b"RIFF", 4, b"\xff" * 4), "AE", cpu=1)
        self.case("huge.qoi", b"qoif" + struct.pack(">IIBB", 2**32 - 1, 2**32 - 1, 3, 0) + bytes(16), "E", cpu=1)

    def bombs(self):
        self.write("huge.png", wide_png(50000, 50000))
        self.given("huge.png", "E", says="--max-pixels", cpu=2, memory=200 << 20)
        self.given("huge.png", "A", options=("--max-pixels", "0"), memory=100 << 20)
        self.case("text-bomb.png", png(more=chunk(b"zTXt", text_bomb(200 * 10**6))), "A", cpu=2, memory=100 << 20)
        self.case("profile-bomb.png", png(more=chunk(b"iCCP", text_bomb(200 * 10**6))), "A", cpu=2, memory=100 << 20)
        self.case("text-behind.png", png()[:-12] + chunk(b"zTXt", text_bomb(200 * 10**6)) + png()[-12:], "A", cpu=2,
                  memory=100 << 20)
        self.case("many-chunks.png", png(more=chunk(b"tEXt", b"a\0b") * 200000), "A", cpu=3)
        self.case("scans.jpg", progressive_jpeg(890), "E", says="--max-scans", cpu=2)
        self.given("scans.jpg", "A", options=("--max-scans", "0"))
        self.case("scans-100.jpg", progressive_jpeg(100), "A")
        self.case("scans-101.jpg", progressive_jpeg(101), "E", says="--max-scans")
        self.case("scans-large.jpg", progressive_jpeg(90, 8000, 8000), "E", cpu=6)
        self.case("thin.png", png(100000, 1, 1, 0, rows=b"\0" + bytes(12500)), "AE", memory=200 << 20)
        self.case("tall.png", png(1, 100000, 1, 0, rows=b"\0\0" * 100000), "AE", memory=200 << 20)

    def values(self):
        for name in ("sixteen.png", "palette.png", "grey.png", "alpha.png", "one-bit.png", "interlaced.png",
                     "cmyk.jpg",
                     "grey.jpg", "progressive.jpg", "sampled.jpg", "mjpeg.jpg", "lossless.webp", "base.webp",
                     "base.gif",
                     "base.bmp", "base.tiff", "base.ppm", "base.pgm", "base.pbm", "base.pcx"):
            self.given(name, "A", segments=(1, 1))
        self.case("one-pixel.png", png(1, 1, rows=b"\0abc"), "AE")
        self.case("transparent.png", png(4, 4, 8, 6, rows=(b"\0" + bytes(16)) * 4), "A")
        self.case("short-palette.png", png(16, 16, 8, 3, rows=(b"\0" + b"\x07" * 16) * 16,
                                           more=chunk(b"PLTE", b"abc")), "AE")

    def orientations(self):
        jpeg = self.read("base.jpg")
        for tag in range(10):
            for order in ("II", "MM"):
                self.case(f"tag-{tag}-{order}.jpg", with_exif(jpeg, exif(tag, order)), "A",
                          then=lambda r, turned=5 <= tag <= 8: self.check_grid(r, turned))
        for name, body in {"tag-65535": exif(65535), "tag-long": exif(6, kind=4), "tag-byte": exif(6, kind=1),
                           "tag-many": exif(6, count=2**32 - 1), "cut": exif(6)[:15], "empty": b"",
                           "offset": b"II*\0\xff\xff\xff\xff", "loop": b"II*\0\x00\0\0\0" + bytes(20)}.items():
            self.case(f"exif-{name}.jpg", with_exif(jpeg, body), "A")
        self.case("exif.png", png(more=chunk(b"eXIf", exif(6))), "A")
        self.case("exif-broken.png", png(more=chunk(b"eXIf", b"II*")), "A")
        self.given("tag-6-II.jpg", "A", options=("--no-orient",), then=lambda r: self.check_grid(r, False))

    @staticmethod
    def check_grid(r, turned):
        width, height = r.info["segments"][0]["grid"]
        return [] if (width < height) == turned else [f"a grid of {width} x {height}"]

    def outside(self):
        for name, data in {
            "refers.svg": b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><image href="file:base.png"/></svg>',
            "entity.svg": b'<?xml version="1.0"?><!DOCTYPE s [<!ENTITY x SYSTEM "base.png">]><svg width="9" height="9">&x;</svg>',
            "runs.ps": b"%!PS\n(base.png) run\n", "runs.eps": b"%!PS-Adobe-3.0 EPSF-3.0\n(base.png) (r) file\n",
            "draws.mvg": b"push graphic-context\nimage over 0,0 9,9 'base.png'\npop graphic-context\n",
            "script.msl": b"<?xml version='1.0'?><image><read filename='base.png'/></image>",
            "label.txt": b"@base.png", "list.m3u8": b"#EXTM3U\nbase.png\n",
            "list.ffconcat": b"ffconcat version 1.0\nfile base.png\n",
        }.items():
            self.case(name, data, "E", alone=True)
        for name in ("file:base.png", "png:base.png", "@base.png", "base.png[0]", "base%d.png"):
            self.given(name, "E", alone=True)
        self.given("base.png", "A", alone=True)
        self.given("base.webp", "A", alone=True)

    def several(self):
        one = self.read("base.png")
        self.case("two.png", one + one, "AE")
        self.case("two-pipe.png", one + self.read("base.jpg"), "AE", pipe=True)
        self.case("trailing.png", one + b"trailing" * 9, "A")
        self.case("trailing.jpg", self.read("base.jpg") + b"trailing" * 9, "A")
        self.case("thumbnail.jpg", with_exif(self.read("base.jpg"), exif(1) + self.read("grey.jpg")), "A",
                  segments=(1, 1))
        self.given("moving.gif", "A", notes=True, says="first frame", segments=(1, 1))
        self.given("pages.tiff", "A", notes=True, segments=(1, 1))

    def pipes(self):
        for kind in ("png", "jpg", "webp", "gif", "tiff", "ppm", "bmp"):
            self.given("base." + kind, "A", pipe=True)
        self.given("empty.png", "E", pipe=True)

    def unsupported(self):
        for name, brand in {"photo.heic": b"heic", "photo.avif": b"avif", "raw.cr3": b"crx "}.items():
            self.case(name, ftyp(brand), "E", says="convert|dcraw|heif|avif|magick|libraw|exiftool")
        self.given("moving.webp", "AE", notes=True, segments=(0, 1))
        self.case("raw.raf", b"FUJIFILMCCD-RAW 0201" + bytes(400), "E")
        self.case("raw.cr2", b"II*\0\x10\0\0\0CR\x02\0" + bytes(400), "E")
        self.case("raw.dng", tiff(16, 16, {50706: (4, 0x00000401)}), "AE")
        self.case("photo.jxl", b"\xff\x0a" + bytes(100), "E")
        self.case("arithmetic.jpg", self.read("base.jpg").replace(b"\xff\xc0", b"\xff\xc9", 1), "AE")
        self.case("lossless.jpg", self.read("base.jpg").replace(b"\xff\xc0", b"\xff\xc3", 1), "E")

    def generate(self):
        make_base(self)
        for part in (self.nothing, self.other_media, self.cuts, self.absurd, self.bombs, self.values,
                     self.orientations,
                     self.outside, self.several, self.pipes, self.unsupported):
            part()
        self.trap_names(self.read("base.png"), ".png")

    def seeds(self):
        convert(self, "-size", "40x30", "gradient:red-blue", "small.png")
        convert(self, "small.png", "-interlace", "PNG", "-colors", "9", "png8:small-8.png")
        convert(self, "small.png", "-interlace", "JPEG", "small-p.jpg")
        names = ["small.png", "small-8.png", "small-p.jpg"]
        for kind in ("jpg", "webp", "ppm", "gif", "bmp", "tiff"):
            convert(self, "small.png", "small." + kind)
            names.append("small." + kind)
        return names
