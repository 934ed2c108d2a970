"""Broken and odd clips: the files, and what g4-video must say to each."""
import random
import struct

from material import Folder, cut, ffmpeg, patch, uint

SOURCE = ("-f", "lavfi", "-i", "testsrc2=s=96x64:r=10:d=3")
CONTAINERS = ("mp4", "mkv", "webm", "avi", "ts", "mov")


def y4m(width, height, frames=2, rate="1:1"):
    body = bytes(width * height * 3 // 2) if 0 < width * height < 10**6 else bytes(100)
    return f"YUV4MPEG2 W{width} H{height} F{rate} Ip A1:1 C420\n".encode() + (b"FRAME\n" + body) * frames


def avi(data, width, height):
    """Other dimensions in the stream format of an AVI."""
    at = data.index(b"strf") + 12
    return data[:at] + struct.pack("<ii", width, height) + data[at + 8:]


def ftyp():
    return uint(20) + b"ftypisom" + bytes(4) + b"isom"


def make_base(f):
    ffmpeg(f, *SOURCE, "-c:v", "libx264", "-pix_fmt", "yuv420p", "clip.mp4", "-c:v", "libx264", "-pix_fmt", "yuv420p",
           "-movflags", "+faststart", "front.mp4", "-c:v", "libx264", "-pix_fmt", "yuv420p", "clip.mkv", "-c:v",
           "libx264", "-pix_fmt", "yuv420p", "-f", "mpegts", "clip.ts", "-c:v", "mpeg4", "clip.avi", "-c:v", "mjpeg",
           "-pix_fmt", "yuvj420p", "clip.mov", "-c:v", "libvpx", "-deadline", "realtime", "-pix_fmt", "yuv420p",
           "clip.webm", "-c:v", "libx264", "-pix_fmt", "yuv420p", "-movflags", "+frag_keyframe+empty_moov",
           "fragments.mp4", "-c:v", "gif", "clip.gif")
    ffmpeg(f, "-f", "lavfi", "-i", "sine=d=1", "-c:a", "aac", "sound.m4a", "-c:a", "flac", "sound.flac")


class Video(Folder):
    program = "g4-video"
    known_seeds = (1334, 2000)

    def nothing(self):
        r = random.Random(3)
        for name, data in {"empty": b"", "one-byte": b"\0", "zeros": bytes(65536), "text": b"not a clip\n" * 500,
                           "noise": r.randbytes(65536), "ftyp-noise": ftyp() + r.randbytes(9000),
                           "ebml-noise": b"\x1a\x45\xdf\xa3" + r.randbytes(9000)}.items():
            self.case(name + ".mp4", data, "E")

    def other_media(self):
        self.case("picture.mp4", self.top("examples/media/star.png"), "E", says="g4-vision")
        self.case("photo.mp4", self.top("examples/media/circle.jpg"), "E")
        self.case("sound.mp4", self.read("sound.flac"), "E", says="g4-audio|no video stream")
        self.given("sound.m4a", "E", says="video")
        self.case("stream.mp4", b"\x89G4S\r\n\x1a\n" + bytes(200), "E", says="g4-decode")
        for kind, suffix in zip(CONTAINERS, ("mkv", "mp4", "txt", "png", "wav", "webm")):
            self.case(f"really-{kind}.{suffix}", self.read("clip." + kind), "A")
        self.given(".", "E", says="directory")

    def cuts(self):
        for kind in CONTAINERS:
            data = self.read("clip." + kind)
            self.case("cut." + kind, cut(data, 0.6), "AE" if kind == "ts" else "E", segments=(0, 3))
            self.case("beginning." + kind, data[:60], "E")
            self.case("cut-pipe." + kind, cut(data, 0.6), "AE" if kind == "ts" else "E", pipe=True, segments=(0, 3))
        # What came before the cut was sent.
        self.case("cut-late.mkv", cut(self.read("clip.mkv"), 0.9), "E", says="truncated", segments=(1, 3))
        front = self.read("front.mp4")
        self.case("cut-front.mp4", cut(front, 0.8), "E", says="truncated", segments=(1, 3))
        self.case("cut-front-pipe.mp4", cut(front, 0.8), "E", pipe=True, segments=(1, 3))
        self.case("index-only.mp4", front[:front.index(b"mdat") - 4], "E")
        self.case("cut-in-box.mp4", front[:front.index(b"mdat") + 2], "E")
        self.case("cut-fragments.mp4", cut(self.read("fragments.mp4"), 0.7), "E", segments=(0, 3))

    def absurd(self):
        mp4, entry = self.read("clip.mp4"), self.read("clip.mp4").index(b"avc1") + 28
        for name, size in {"0x0": (0, 0), "65535": (65535, 65535), "0x64": (0, 64)}.items():
            self.case(f"{name}.mp4", mp4[:entry] + struct.pack(">HH", *size) + mp4[entry + 4:], "AE", cpu=2)
        self.case("timescale-0.mp4", patch(mp4, b"mdhd", 16, bytes(4)), "AE", cpu=2)
        self.case("duration-huge.mp4", patch(mp4, b"mdhd", 20, b"\xff" * 4), "AE", cpu=2)
        self.case("samples-2-32.mp4", patch(mp4, b"stsz", 12, b"\xff" * 4), "AE", cpu=2)
        self.case("runs-2-32.mp4", patch(mp4, b"stts", 8, b"\xff" * 4), "AE", cpu=2)
        self.case("run-length.mp4", patch(mp4, b"stts", 12, b"\xff" * 4), "AE", cpu=4)
        self.case("delta-0.mp4", patch(mp4, b"stts", 16, bytes(4)), "AE", cpu=2)
        self.case("delta-huge.mp4", patch(mp4, b"stts", 16, b"\x7f\xff\xff\xff"), "AE", cpu=4)
        self.case("offsets-beyond.mp4", patch(mp4, b"stco", 12, b"\xff" * 4), "E", cpu=2)
        self.case("box-0.mp4", patch(mp4, b"trak", -4, bytes(4)), "AE", cpu=2)
        mkv = self.read("clip.mkv")
        at = mkv.index(b"\xb0\x81\x60")
        self.case("width-0.mkv", mkv[:at + 2] + b"\0" + mkv[at + 3:], "AE", cpu=2)
        self.case("segment-huge.mkv", patch(mkv, b"\x18\x53\x80\x67", 4, b"\x01\x7f\xff\xff\xff\xff\xff\xff"), "E",
                  cpu=2)
        raw = self.read("clip.avi")
        for name, (w, h) in {"width-0": (0, 64), "width-2-31": (2**31 - 1, 64), "height-least": (96, -2**31),
                             "both": (2**31 - 1, 2**31 - 1), "negative": (96, -64)}.items():
            self.case(name + ".avi", avi(raw, w, h), "AE", cpu=2,
                      memory=600 << 20)
        for name, (w, h, rate) in {"zero": (0, 0, "1:1"), "huge": (2**31 - 1, 2**31 - 1, "1:1"),
                                   "wide": (8193, 16, "1:1"),
                                   "rate-0": (16, 16, "0:1"), "rate-x-0": (16, 16, "1:0")}.items():
            self.case(name + ".y4m", y4m(w, h, rate=rate), "AE" if name.startswith("rate") else "E", cpu=2,
                      memory=200 << 20)
        ivf = struct.pack("<4sHH4sHHIIII", b"DKIF", 0, 32, b"VP80", 65535, 65535, 0, 0, 2**32 - 1, 0)
        self.case("huge.ivf", ivf + struct.pack("<IQ", 2**31 - 1, 0) + bytes(500), "E", cpu=2, memory=200 << 20)

    def bombs(self):
        ffmpeg(self, "-f", "lavfi", "-i", "color=gray:s=16384x8640:r=1:d=1", "-pix_fmt", "gray", "-c:v", "ffv1",
               "large.mkv")
        self.given("large.mkv", "E", says="--max-side", cpu=4, memory=1 << 30)
        ffmpeg(self, "-f", "lavfi", "-i", "color=red:s=16x16:r=1:d=36000", "-c:v", "libx264", "-preset", "ultrafast",
               "-g", "60", "hours.mp4")
        self.given("hours.mp4", "A", options=("--fit",), memory=300 << 20, segments=(60, 60))
        self.given("hours.mp4", "A", options=("--first", "--max-frames", "3"), segments=(3, 3), cpu=3)
        self.given("hours.mp4", "U", options=("--max-frames", "100", "--max-video-frames", "70"),
                   names="--max-video-frames")
        self.given("hours.mp4", "A", options=("--start", "9:59:50"), segments=(10, 10), cpu=4)
        ffmpeg(self, "-f", "lavfi", "-i", "color=red:s=16x16:r=100000:d=0.3", "-c:v", "libx264", "-preset",
               "ultrafast",
               "fast.mp4")
        self.given("fast.mp4", "A", memory=300 << 20, segments=(1, 1))
        self.given("fast.mp4", "A", options=("-r", "1000", "--max-frames", "20"), segments=(20, 20))
        self.case("many-boxes.mp4", ftyp() + (uint(8) + b"free") * 400000, "E", cpu=4)
        self.case("deep-boxes.mp4", ftyp() + b"".join(uint(8 * n) + b"moov" for n in range(20000, 0, -1)), "E", cpu=4)
        self.case("deep.mkv", b"\x1a\x45\xdf\xa3\x84\x42\x86\x81\x01" + b"\x18\x53\x80\x67\x01" + b"\xff" * 7
                  + b"\x1f\x43\xb6\x75\x01" * 3000, "E", cpu=4)

    def kinds(self):
        for name, options in {
            "ten-bit.mp4": ("-pix_fmt", "yuv420p10le"), "full-chroma.mp4": ("-pix_fmt", "yuv444p"),
            "interlaced.mp4": ("-pix_fmt", "yuv420p", "-flags", "+ildct", "-x264opts", "tff=1"),
            "anamorphic.mp4": ("-pix_fmt", "yuv420p", "-vf", "setsar=2/1"),
            "uneven.mkv": ("-pix_fmt", "yuv420p", "-vf", "setpts='N*N/30/TB/4'", "-vsync", "vfr"),
            "negative.mkv": ("-pix_fmt", "yuv420p", "-output_ts_offset", "-1.5", "-avoid_negative_ts", "disabled"),
            "late.mkv": ("-pix_fmt", "yuv420p", "-output_ts_offset", "100"),
            "odd-size.mkv": ("-vf", "scale=95:63,format=yuv444p"),
        }.items():
            ffmpeg(self, *SOURCE, "-c:v", "libx264", "-preset", "ultrafast", *options, name)
            self.given(name, "A", segments=(1, 8))
        ffmpeg(self, "-ss", "1.2", "-i", "clip.mp4", "-c", "copy", "edited.mp4")
        self.given("edited.mp4", "A", segments=(1, 3))
        for angle, turned in (("90", True), ("180", False), ("270", True)):
            ffmpeg(self, "-i", "clip.mp4", "-c", "copy", "-metadata:s:v", "rotate=" + angle, f"turned-{angle}.mp4")
            self.given(f"turned-{angle}.mp4", "A", segments=(3, 3), then=lambda r, t=turned: self.check_grid(r, t))
        ffmpeg(self, "-f", "lavfi", "-i", "testsrc2=s=64x128:r=10:d=3", "-c:v", "libx264", "-pix_fmt", "yuv420p",
               "-f",
               "mpegts", "tall.ts", "-c:v", "libx264", "-pix_fmt", "yuv420p", "tall.h264")
        self.case("size-changes.ts", self.read("clip.ts") + self.read("tall.ts"), "A", segments=(2, 8))
        ffmpeg(self, *SOURCE, "-c:v", "libx264", "-pix_fmt", "yuv420p", "clip.h264")
        self.case("size-changes.h264", self.read("clip.h264") + self.read("tall.h264"), "AE")
        self.given("clip.h264", "AE")                   # its frames have no times
        for name in ("clip.gif", "fragments.mp4", "front.mp4"):
            self.given(name, "A", segments=(1, 3))
        self.case("one-frame.y4m", y4m(32, 32, 1), "A", segments=(1, 1))

    @staticmethod
    def check_grid(r, turned):
        width, height = r.info["segments"][0]["grid"]
        return [] if (width < height) == turned else [f"a grid of {width} x {height}"]

    def outside(self):
        for name, data in {
            "list.m3u8": b"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nclip.ts\n#EXT-X-ENDLIST\n",
            "list.ffconcat": b"ffconcat version 1.0\nfile clip.mp4\n",
            "list.sdp": b"v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\n",
            "list.mpd": b"<?xml version='1.0'?><MPD xmlns='urn:mpeg:dash:schema:mpd:2011'/>",
            "graph.txt": b"movie=clip.mp4",
        }.items():
            self.case(name, data, "E", alone=True)
        self.case("refers.mp4", patch(self.read("clip.mp4"), b"url ", 7, bytes(1) + b"file:clip.mkv\0"), "AE",
                  alone=True)
        for name in ("concat:clip.ts|clip.ts", "file:clip.mp4", "testsrc=d=1", "http://127.0.0.1:9/a.mp4"):
            self.given(name, "E", alone=True)
        self.given("clip.mp4", "A", alone=True)

    def several(self):
        ffmpeg(self, "-i", "clip.mp4", "-i", "turned-90.mp4", "-map", "0", "-map", "1", "-c", "copy", "tracks.mkv")
        self.given("tracks.mkv", "A", notes=True, says="video streams|tracks", segments=(3, 3))
        self.case("two.mp4", self.read("clip.mp4") * 2, "AE")
        self.case("trailing.mp4", self.read("front.mp4") + b"trailing bytes" * 9, "A", segments=(3, 3))
        ffmpeg(self, "-i", "clip.mp4", "-i", "sound.m4a", "-map", "0", "-map", "1", "-c", "copy", "with-sound.mp4")
        self.given("with-sound.mp4", "A", segments=(3, 3))
        self.write("star.png", self.top("examples/media/star.png"))
        ffmpeg(self, "-i", "sound.flac", "-i", "star.png", "-map", "0", "-map", "1", "-c", "copy", "-disposition:v",
               "attached_pic", "cover.flac")
        self.given("cover.flac", "E")

    def pipes(self):
        for kind in CONTAINERS:
            self.given("clip." + kind, "A", pipe=True, segments=(2, 4))
        for options in (("--first",), ("--parts",)):
            self.given("front.mp4", "A", pipe=True, options=options, segments=(3, 3))
        ffmpeg(self, "-f", "lavfi", "-i", "color=blue:s=640x480:r=25:d=3.2", "-pix_fmt", "uyvy422", "-c:v",
               "rawvideo",
               "index-last.mov")
        self.given("index-last.mov", "A", pipe=True, segments=(4, 4))
        self.given("index-last.mov", "A", pipe=True, options=("--first",), segments=(4, 4))
        self.given("index-last.mov", "E", pipe=True, options=("--max-spool", "8M"), says="--max-spool")
        self.case("nothing-came.mp4", b"", "E", pipe=True)

    def unsupported(self):
        ffmpeg(self, "-i", "clip.mp4", "-c", "copy", "-encryption_scheme", "cenc-aes-ctr", "-encryption_key",
               "00112233445566778899aabbccddeeff", "-encryption_kid", "00112233445566778899aabbccddeeff",
               "secret.mp4")
        self.given("secret.mp4", "E", says="encrypted")
        self.given("clip.mp4", "E", options=("--frames", "31"))
        self.given("clip.mp4", "E", options=("--start", "60"))

    def generate(self):
        make_base(self)
        for part in (self.nothing, self.other_media, self.cuts, self.absurd, self.bombs, self.kinds, self.outside,
                     self.several, self.pipes, self.unsupported):
            part()
        self.trap_names(self.read("clip.mkv"), ".mkv")

    def seeds(self):
        short = ("-f", "lavfi", "-i", "testsrc2=s=48x32:r=5:d=1.2")
        ffmpeg(self, *short, "-c:v", "libx264", "-pix_fmt", "yuv420p", "short.mp4", "-c:v", "libx264", "-pix_fmt",
               "yuv420p", "short.mkv", "-c:v", "mpeg4", "short.avi", "-c:v", "libvpx", "-pix_fmt", "yuv420p",
               "short.webm",
               "-c:v", "mpeg2video", "-r", "25", "short.ts", "-c:v", "mjpeg", "-pix_fmt", "yuvj420p", "short.mov",
               "-c:v",
               "gif", "short.gif")
        ffmpeg(self, "-f", "lavfi", "-i", "testsrc2=s=128x96:r=5:d=1.2", "-c:v", "libx265", "-x265-params",
               "log-level=none:pools=none", "-pix_fmt", "yuv420p", "hevc.mp4")
        return ["short.mp4", "short.mkv", "short.avi", "short.webm", "short.ts", "short.mov", "hevc.mp4", "short.gif"]
