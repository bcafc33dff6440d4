"""Makes an H.264 film of JPEGs: `python3 h264_film.py FOLDER OUT.mp4 FPS KBIT/S`, for `chaoxun bench vision`.

OpenCV's wheel has no H.264 encoder. This file imports nothing of ours: it is run by Debian's own python3, which has
GStreamer's bindings (python3-gi, gstreamer1.0-plugins-bad).
"""

# pyright: basic, reportMissingImports=false

import sys

import gi

gi.require_version("Gst", "1.0")
from gi.repository import Gst  # noqa: E402

LAUNCH = (
    'multifilesrc location="{folder}/%04d.jpg" caps="image/jpeg,framerate={fps}/1" ! jpegdec ! videoconvert '
    "! video/x-raw,format=I420 ! openh264enc bitrate={bits} rate-control=bitrate gop-size={gop} ! h264parse "
    '! mp4mux ! filesink location="{out}"'
)


def main(folder: str, out: str, fps: int, kbit_s: int) -> int:
    Gst.init(None)
    try:
        line = Gst.parse_launch(LAUNCH.format(folder=folder, out=out, fps=fps, gop=2 * fps, bits=1000 * kbit_s))
    except Exception as error:  # GLib's own, which names the element that is missing
        sys.stderr.write(f"{error}\n")
        return 1
    line.set_state(Gst.State.PLAYING)
    ended = line.get_bus().timed_pop_filtered(120 * Gst.SECOND, Gst.MessageType.EOS | Gst.MessageType.ERROR)
    line.set_state(Gst.State.NULL)
    if ended is None or ended.type != Gst.MessageType.EOS:
        sys.stderr.write("the film could not be encoded\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])))
