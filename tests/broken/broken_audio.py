"""Broken and odd sound: the files, and what g4-audio must say to each."""
import math
import os
import random
import struct

from material import Folder, cut, ffmpeg, patch

RATE = 16000
CONTAINERS = ("wav", "flac", "mp3", "ogg", "m4a", "opus")


def wav(samples=b"", tag=1, channels=1, rate=RATE, bits=16, block=None, riff=None, size=None, fmt=16, tail=b""):
    """A WAV file; riff and size replace the lengths that would be true."""
    block = channels * bits // 8 if block is None else block
    head = struct.pack("<HHIIHH", tag, channels, rate, rate * block & 0xFFFFFFFF, block & 0xFFFF, bits)
    data = b"fmt " + struct.pack("<I", fmt) + head
    data += b"data" + struct.pack("<I", len(samples) if size is None else size) + samples
    return b"RIFF" + struct.pack("<I", len(data) + 4 if riff is None else riff) + b"WAVE" + data + tail


def sine(n, amplitude=8000):
    return struct.pack(f"<{n}h", *(round(amplitude * math.sin(i * (0.1 + i / 2e5))) for i in range(n)))


def floats(values):
    return struct.pack(f"<{len(values)}f", *values)


def crc(data, polynomial, bits):
    """The plain CRC of FLAC's frames: nothing reflected, begins at 0."""
    value, top, mask = 0, 1 << (bits - 1), (1 << bits) - 1
    for byte in data:
        value ^= byte << (bits - 8)
        for _ in range(8):
            value = ((value << 1) ^ polynomial if value & top else value << 1) & mask
    return value


def silent_flac(seconds, rate=RATE):
    """Hours of silence in a few kilobytes: one constant per frame of 65,535 samples."""
    total, size = seconds * rate, 65535
    info = struct.pack(">HH", size, size) + bytes(6)
    info += (rate << 44 | 0 << 41 | 15 << 36 | total).to_bytes(8, "big") + bytes(16)
    out = [b"fLaC\x80" + len(info).to_bytes(3, "big") + info]
    for number in range(-(-total // size)):
        n = min(size, total - number * size)
        coded = bytes([number]) if number < 128 else bytes([0xC0 | number >> 6,
                                                            0x80 | number & 63]) if number < 2048 \
            else bytes([0xE0 | number >> 12, 0x80 | number >> 6 & 63, 0x80 | number & 63])
        head = b"\xff\xf8\x70\x08" + coded + struct.pack(">H", n - 1)
        frame = head + bytes([crc(head, 0x07, 8)]) + b"\0\0\0"
        out.append(frame + struct.pack(">H", crc(frame, 0x8005, 16)))
    return b"".join(out)


def make_base(f):
    """The same second of sound in every container; the others are made of these."""
    f.write("tone.wav", wav(sine(RATE)))
    ffmpeg(f, "-i", "tone.wav", "-c:a", "flac", "tone.flac", "-b:a", "32k", "tone.mp3", "-c:a", "libvorbis",
           "tone.ogg", "-c:a", "aac", "tone.m4a", "-c:a", "aac", "-movflags", "+faststart", "front.m4a", "-c:a",
           "libopus", "tone.opus", "-ar", "8000", "-c:a", "libvorbis", "slow.ogg", "-rf64", "always", "rf64.wav",
           "-ac", "2", "tone.aiff", "-c:a", "pcm_s24le", "deep.wav", "-c:a", "pcm_f64le", "double.wav", "-c:a",
           "pcm_alaw", "alaw.wav", "-c:a", "pcm_u8", "eight.wav", "-ar", "96000", "fast.wav", "-ac", "8",
           "surround.wav", "-c:a", "wavpack", "tone.wv", "tone.caf", "tone.w64", "-c:a", "ac3", "tone.ac3")


class Audio(Folder):
    program = "g4-audio"

    def nothing(self):
        r = random.Random(1)
        for name, data in {"empty": b"", "one-byte": b"R", "zeros": bytes(65536), "text": b"not a sound\n" * 500,
                           "noise": r.randbytes(65536), "noise-2": r.randbytes(3000)}.items():
            self.case(name + ".wav", data, "E")
        self.case("text.m3u", b"tone.wav\n", "E")

    def other_media(self):
        self.case("picture.wav", self.top("examples/media/star.png"), "E", says="g4-vision")
        self.case("silent-clip.wav", self.top("examples/media/clip.mp4"), "E", says="no audio stream")
        self.case("stream.wav", b"\x89G4S\r\n\x1a\n" + bytes(200), "E", says="g4-decode")
        for kind, suffix in zip(CONTAINERS, ("png", "wav", "wav", "mp3", "txt", "mp4")):
            self.case(f"really-{kind}.{suffix}", self.read("tone." + kind), "A")
        self.given(".", "E", says="directory")
        self.given("absent.wav", "E")

    def cuts(self):
        for kind in CONTAINERS:
            data = self.read("tone." + kind)
            stated = "E" if kind in ("wav", "flac", "m4a") else "AE"
            self.case("cut." + kind, cut(data, 0.5), stated, segments=(0, 1))
            self.case("cut-late." + kind, cut(data, 0.93), stated, segments=(0, 1))
            self.case("beginning." + kind, data[:40], "E")
            self.case("cut-pipe." + kind, cut(data, 0.6), stated, pipe=True)
        tone = self.read("tone.wav")
        self.case("header-only.wav", tone[:44], "E")
        self.case("cut-in-sample.wav", tone[:1001], "E", says="truncated")
        self.case("cut-in-chunk.wav", tone[:38], "E")
        self.case("header-only.flac", self.read("tone.flac")[:42], "E")
        self.case("header-only.ogg", self.read("tone.ogg")[:58], "E")
        front = self.read("front.m4a")
        self.case("cut-front.m4a", cut(front, 0.7), "E", says="truncated")
        self.case("cut-in-box.m4a", front[:front.index(b"mdat") + 2], "E")
        self.case("index-only.m4a", front[:front.index(b"mdat") - 4], "E")
        self.case("cut.rf64.wav", cut(self.read("rf64.wav"), 0.5), "E", says="truncated")

    def lengths(self):
        data = sine(RATE)
        self.case("streamed.wav", wav(data, riff=0xFFFFFFFF, size=0xFFFFFFFF), "A")
        self.case("streamed-zero.wav", wav(data, riff=0, size=0), "A")
        self.case("streamed-sox.wav", wav(data, riff=0x7FFFF024, size=0x7FFFF000), "A")
        self.case("streamed-pipe.wav", wav(data, riff=0xFFFFFFFF, size=0xFFFFFFFF), "A", pipe=True)
        self.given("rf64.wav", "A")
        self.given("rf64.wav", "A", pipe=True)
        self.case("headerless.pcm", data, "E")
        raw = ("--raw", "s16le", "--rate", "16000", "--channels")
        self.given("headerless.pcm", "A", options=(*raw, "1"))
        self.given("headerless.pcm", "A", options=(*raw, "64"))
        self.given("headerless.pcm", "E", options=(*raw, "65"), says="--max-channels")
        self.given("headerless.pcm", "U", options=("--raw", "s16le"), names="--rate")
        self.case("headerless-odd.pcm", data + b"x", "A", options=(*raw, "1"))
        self.case("headerless-f32.pcm", floats([0.25] * 9000), "A",
                  options=("--raw", "f32le", "--rate", "8000", "--channels", "1"))
        self.case("headerless-nan.pcm", floats([math.nan] * 9000), "E",
                  options=("--raw", "f32le", "--rate", "8000", "--channels", "1"))
        self.case("header-only.pcm", b"", "E", options=(*raw, "1"))

    def absurd(self):
        data = sine(3000)
        for name, fields in {
            "channels-0": dict(channels=0), "channels-65": dict(channels=65), "channels-65535": dict(channels=65535),
            "rate-0": dict(rate=0), "rate-1": dict(rate=1), "rate-999": dict(rate=999),
            "rate-largest": dict(rate=2**32 - 1), "rate-2-31": dict(rate=2**31), "rate-768001": dict(rate=768001),
            "bits-0": dict(bits=0, block=0), "bits-65535": dict(bits=65535), "tag-unknown": dict(tag=0x7777),
            "fmt-4-gib": dict(fmt=2**32 - 1),
        }.items():
            self.case(name + ".wav", wav(data, **fields), "E", cpu=1)
        self.case("block-0.wav", wav(data, block=0), "AE", cpu=1)
        self.case("fmt-0.wav", wav(data, fmt=0), "E", cpu=1)
        self.case("rate-1-lifted.wav", wav(data, rate=1), "AE", options=("--max-rate", "0", "--split", "none"))
        flac = bytearray(self.read("tone.flac"))
        flac[18:21] = bytes([0, 0, flac[20] & 15])
        self.case("rate-0.flac", bytes(flac), "AE", cpu=1)
        m4a = self.read("tone.m4a")
        self.case("timescale-0.m4a", patch(m4a, b"mdhd", 16, bytes(4)), "AE", cpu=1)
        self.case("samples-2-32.m4a", patch(m4a, b"stsz", 12, b"\xff" * 4), "AE", cpu=1)
        self.case("runs-2-32.m4a", patch(m4a, b"stts", 8, b"\xff" * 4), "AE", cpu=1)
        self.case("chunks-2-32.m4a", patch(m4a, b"stco", 8, b"\xff" * 4), "AE", cpu=1)
        self.case("box-0.m4a", patch(m4a, b"trak", -4, bytes(4)), "AE", cpu=1)
        self.case("box-huge.m4a", patch(m4a, b"trak", -4, b"\xff" * 4), "AE", cpu=1)
        self.case("channels-255.opus", patch(self.read("tone.opus"), b"OpusHead", 9, b"\xff"), "E", cpu=1)
        self.case("rate-0.ogg", patch(self.read("tone.ogg"), b"\x01vorbis", 12, bytes(4)), "E", cpu=1)
        self.case("rate-nan.aiff", patch(self.read("tone.aiff"), b"COMM", 16, b"\x7f\xff" + b"\xff" * 8), "E", cpu=1)
        self.case("tag-2-gib.mp3", b"ID3\x04\0\0\x7f\x7f\x7f\x7f" + self.read("tone.mp3"), "AE", cpu=1)
        self.case("tag-1-mib.mp3", b"ID3\x04\0\0\0\x40\0\0" + bytes(1 << 20) + self.read("tone.mp3"), "A", cpu=2)

    def bombs(self):
        self.write("hours.flac", silent_flac(36000))
        self.given("hours.flac", "A", options=("--start", "9:59:40"), memory=300 << 20, segments=(1, 1))
        self.given("hours.flac", "A", options=("--split", "none"), memory=300 << 20, segments=(1, 1))
        self.given("hours.flac", "A", options=("--start", "9:59:58"), memory=300 << 20, segments=(1, 1), pipe=True)
        self.given("hours.flac", "E", options=("--max-seconds", "3600", "--start", "8:00:00"), says="--max-seconds")
        self.case("many-chunks.wav", b"RIFF\0\0\0\0WAVE" + b"junk\0\0\0\0" * 300000, "E", cpu=2)

    def values(self):
        def f32(name, values, expect, **more):
            self.case(name + ".wav", wav(floats(values), tag=3, bits=32), expect, **more)
        f32("nan", [0.1] * 4000 + [math.nan] + [0.1] * 4000, "E", says="sample 4000 is not a finite number")
        f32("infinite", [math.inf] * 4000, "E")
        f32("minus-infinite", [0] * 20000 + [-math.inf], "E")
        f32("1e30", [1e30, -1e30] * 4000, "AE")
        f32("denormal", [1e-42] * 4000, "A")
        self.case("silence.wav", wav(bytes(32000)), "A")
        self.case("dc.wav", wav(struct.pack("<h", 20000) * 16000), "A")
        self.case("square.wav", wav(struct.pack("<hh", 32767, -32768) * 8000), "A")
        for n in (1, 2, 3, 127, 128, 159, 160, 161, 319, 320, 321, 479, 639, 640, 641):
            self.case(f"samples-{n}.wav", wav(sine(n)), "AE" if n <= 640 else "A", segments=(0, 1))
        self.case("samples-0.wav", wav(b""), "E")

    def kinds(self):
        for name in ("tone.aiff", "deep.wav", "double.wav", "alaw.wav", "eight.wav", "fast.wav", "surround.wav",
                     "tone.wv", "tone.caf", "tone.w64", "tone.ac3", "slow.ogg", "front.m4a"):
            self.given(name, "A", segments=(1, 1))
        self.case("wrong-way-round.wav", self.read("tone.wav") + b"trailing bytes" * 9, "A", segments=(1, 1))
        self.given("surround.wav", "A", options=("--channel", "7"))
        self.given("surround.wav", "E", options=("--channel", "8"), says="channel")

    def outside(self):
        """What names other files is refused, and none of them is opened."""
        for name, data in {
            "list.m3u8": b"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\ntone.wav\n#EXT-X-ENDLIST\n",
            "list.ffconcat": b"ffconcat version 1.0\nfile tone.wav\n",
            "list.sdp": b"v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 5004 RTP/AVP 0\n",
            "list.pls": b"[playlist]\nFile1=tone.wav\nNumberOfEntries=1\n",
            "list.mpd": b"<?xml version='1.0'?><MPD xmlns='urn:mpeg:dash:schema:mpd:2011'><Period><AdaptationSet>"
                        b"<Representation><BaseURL>tone.wav</BaseURL></Representation></AdaptationSet></Period></MPD>",
            "list.imf": b"<CompositionPlaylist xmlns='http://www.smpte-ra.org/schemas/2067-3/2016'/>",
        }.items():
            self.case(name, data, "E", alone=True)
        refers = patch(self.read("tone.m4a"), b"url ", 7, bytes(1) + b"file:tone.wav\0")
        self.case("refers.m4a", refers, "AE", alone=True)
        for url in ("http://127.0.0.1:9/a.wav", "file:tone.wav", "concat:tone.wav|tone.wav", "pipe:0",
                    "async:tone.wav"):
            self.given(url, "E", alone=True)

    def several(self):
        ogg, tone = self.read("tone.ogg"), self.read("tone.wav")
        self.case("chained.ogg", ogg + self.read("slow.ogg"), "AE")
        self.case("chained-same.ogg", ogg + ogg, "AE")
        self.case("chained.mp3", self.read("tone.mp3") * 2, "A")
        self.case("two-sounds.wav", tone + tone, "A", pipe=True)
        self.case("tag-behind.mp3", self.read("tone.mp3") + b"TAG" + b"x" * 125, "A")
        star = os.path.join(self.project, "examples/media/star.png")
        ffmpeg(self, "-i", "tone.mp3", "-i", star, "-map", "0", "-map", "1", "-c", "copy", "cover.mp3")
        ffmpeg(self, "-i", "tone.flac", "-i", star, "-map", "0", "-map", "1", "-c", "copy", "-disposition:v",
               "attached_pic", "cover.flac")
        ffmpeg(self, "-i", "tone.flac", "-i", "tone.wav", "-map", "0", "-map", "1", "-c:a", "pcm_s16le", "tracks.mkv",
               "-map", "0", "-map", "1", "-c:a", "aac", "tracks.mp4")
        for name in ("cover.mp3", "cover.flac"):
            self.given(name, "A", segments=(1, 1))
        for name in ("tracks.mkv", "tracks.mp4"):
            self.given(name, "A", notes=True, says="2 audio streams, only number 0")
            self.given(name, "A", options=("--stream", "1"))
            self.given(name, "E", options=("--stream", "2"), says="0..1")

    def pipes(self):
        for kind in CONTAINERS:
            self.given("tone." + kind, "A", pipe=True, segments=(1, 1))
        ffmpeg(self, "-f", "lavfi", "-i", "sine=d=250", "-ac", "2", "-ar", "48000", "-c:a", "pcm_s16le",
               "index-last.mov")
        self.given("index-last.mov", "A", pipe=True, options=("--duration", "5"), segments=(1, 1))
        self.given("index-last.mov", "E", pipe=True, options=("--max-spool", "1M"), says="--max-spool")
        self.case("nothing-came.wav", b"", "E", pipe=True)

    def unsupported(self):
        ffmpeg(self, "-i", "tone.m4a", "-c", "copy", "-encryption_scheme", "cenc-aes-ctr", "-encryption_key",
               "00112233445566778899aabbccddeeff", "-encryption_kid", "00112233445566778899aabbccddeeff",
               "secret.mp4")
        self.given("secret.mp4", "E", says="encrypted")
        self.case("song.mid", b"MThd\0\0\0\6\0\0\0\1\0\x60MTrk\0\0\0\4\0\xff\x2f\0", "E")

    def names(self):
        self.trap_names(self.read("tone.wav"), ".wav")

    def generate(self):
        make_base(self)
        for part in (self.nothing, self.other_media, self.cuts, self.lengths, self.absurd, self.bombs, self.values,
                     self.kinds, self.outside, self.several, self.pipes, self.unsupported, self.names):
            part()

    def seeds(self):
        """Short files whose bits are flipped."""
        self.write("short.wav", wav(sine(3200)))
        ffmpeg(self, "-i", "short.wav", "-c:a", "flac", "short.flac", "short.mp3", "-c:a", "libvorbis", "short.ogg",
               "-c:a", "aac", "short.m4a", "-c:a", "libopus", "short.opus", "-c:a", "pcm_s16le", "short.mkv",
               "-c:a", "adpcm_ima_wav", "short-adpcm.wav")
        return ["short.wav", "short.flac", "short.mp3", "short.ogg", "short.m4a", "short.opus", "short.mkv",
                "short-adpcm.wav"]
