"""Which decoders may run. FFmpeg brings several hundred, most for films of old games; each of them is a way in."""

from __future__ import annotations

from av.video.stream import VideoStream

_PICTURES = (
    *("h264", "hevc", "vp8", "vp9", "libdav1d", "av1", "vvc", "mpeg4", "msmpeg4", "msmpeg4v1", "msmpeg4v2"),
    *("mpeg1video", "mpeg2video", "h263", "h263p", "flv", "wmv1", "wmv2", "wmv3", "vc1", "theora", "vp6", "vp6f"),
    *("mjpeg", "prores", "dnxhd", "cfhd", "dvvideo", "ffv1", "huffyuv", "ffvhuff", "utvideo", "magicyuv", "lagarith"),
    *("rawvideo", "v210", "v410", "r210", "qtrle", "png", "jpeg2000", "hap", "cinepak", "svq1", "svq3", "snow"),
)
_SOUNDS = (
    *("aac", "aac_latm", "mp3", "mp3float", "mp2", "mp2float", "mp1", "mp1float", "opus", "libopus", "vorbis", "flac"),
    *("alac", "ac3", "eac3", "dca", "truehd", "mlp", "wavpack", "tta", "speex", "wmav1", "wmav2", "wmapro"),
    *("amrnb", "amrwb", "libopencore_amrnb", "libopencore_amrwb", "gsm", "gsm_ms", "g722", "qdm2", "qcelp"),
    *("adpcm_ms", "adpcm_ima_wav", "adpcm_ima_qt", "adpcm_yamaha", "adpcm_swf", "mace3", "mace6"),
    *("pcm_alaw", "pcm_mulaw", "pcm_s8", "pcm_u8", "pcm_s16be", "pcm_s16le", "pcm_u16be", "pcm_u16le", "pcm_s24be"),
    *("pcm_s24le", "pcm_s32be", "pcm_s32le", "pcm_f32be", "pcm_f32le", "pcm_f64be", "pcm_f64le", "pcm_bluray"),
    *("pcm_s16le_planar", "pcm_s24le_planar", "pcm_s32le_planar", "pcm_s16be_planar", "pcm_s8_planar"),
)
ALLOWED = ",".join((*_PICTURES, *_SOUNDS))
"""What FFmpeg calls ``codec_whitelist``."""

_SLACK = 1 << 20
"""Pixels by which a picture may be larger than twice what the head of the file says: small ones are rounded up."""


def of_pictures(stream: VideoStream) -> dict[str, str]:
    """Give the options of a video decoder: none but ours, and no picture far larger than the file has announced."""
    return {"codec_whitelist": ALLOWED, "max_pixels": str(2 * stream.width * stream.height + _SLACK)}
