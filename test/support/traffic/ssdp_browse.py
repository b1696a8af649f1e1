#!/usr/bin/env python3
"""A UPnP control point's search by GSSDP, the library of GNOME's: prints "Location: URL" for each device that is there.

    ssdp_browse.py INTERFACE TARGET SECONDS
    ssdp_browse.py --check    ends with 0 where the library is installed
"""
import sys

import gi

gi.require_version("GSSDP", "1.6")
from gi.repository import GLib, GSSDP  # noqa: E402


def found(_browser, _name, locations):
    for location in locations:
        print(f"Location: {location}", flush=True)


def main():
    if sys.argv[1:] == ["--check"]:
        return
    interface, target, seconds = sys.argv[1:]
    client = GSSDP.Client.new_full(interface, None, 0, GSSDP.UDAVersion.VERSION_1_0)
    browser = GSSDP.ResourceBrowser.new(client, target)
    browser.connect("resource-available", found)
    browser.set_active(True)
    loop = GLib.MainLoop()
    GLib.timeout_add(int(float(seconds) * 1000), loop.quit)
    loop.run()


if __name__ == "__main__":
    main()
