"""An RTSP camera for test_rtsp: H.264 of a folder of JPEGs, over and over, as a bank camera would send it.

Run by Debian's own python3, which has GStreamer's bindings: `python3 rtsp_server.py FOLDER [PORT]`. It writes its
port to standard output and ends when its standard input closes. With `--check` it only says whether it could run.
"""

# pyright: basic, reportMissingImports=false

import sys

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer  # noqa: E402

NEEDED = ("multifilesrc", "jpegdec", "videoconvert", "openh264enc", "rtph264pay")
LAUNCH = (
    '( multifilesrc location="{folder}/%04d.jpg" loop=true caps="image/jpeg,framerate=5/1" ! jpegdec ! videoconvert '
    "! video/x-raw,format=I420 ! openh264enc gop-size=5 ! rtph264pay name=pay0 config-interval=1 )"
)


def main() -> int:
    Gst.init(None)
    missing = [name for name in NEEDED if Gst.ElementFactory.find(name) is None]
    if missing:
        sys.stderr.write("GStreamer lacks " + ", ".join(missing) + "\n")
        return 1
    if sys.argv[1] == "--check":
        return 0
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service(sys.argv[2] if len(sys.argv) > 2 else "0")
    factory = GstRtspServer.RTSPMediaFactory()
    factory.set_launch(LAUNCH.format(folder=sys.argv[1]))
    factory.set_shared(True)
    server.get_mount_points().add_factory("/cam", factory)
    if server.attach(None) == 0:
        sys.stderr.write("the port is taken\n")
        return 1
    loop = GLib.MainLoop()
    GLib.io_add_watch(sys.stdin, GLib.PRIORITY_DEFAULT, GLib.IO_IN | GLib.IO_HUP, lambda *_: loop.quit())
    sys.stdout.write(f"{server.get_bound_port()}\n")
    sys.stdout.flush()
    loop.run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
