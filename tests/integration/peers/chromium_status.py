"""
Foreign client: Debian's Chromium, which looks at the status page, in light and in dark.

It reports what a person would see there: texts, the tables, and what is drawn. Usage:
``chromium_status.py PAGE_URL PNG DARK_PNG SCRIPT``, of which the script is not used.
"""

import base64

from chromium_page import browser, report

WIDTH = 1100
LOOK = """
    var all = (selector, of) => Array.from(document.querySelectorAll(selector), of);
    return {
        isThere: document.readyState === 'complete',
        text: document.body.innerText,
        paper: getComputedStyle(document.body).backgroundColor,
        rows: all('tr', row => Array.from(row.cells, cell => cell.innerText)),
        areas: all('.plot .area', area => {
            var box = area.getBoundingClientRect();
            return {
                name: area.getAttribute('class').split(' ')[1],
                fill: getComputedStyle(area).fill,
                width: box.width, height: box.height
            };
        }),
        scripts: all('script, img, iframe, link, [onload], [onerror]', each => each.outerHTML),
        overflow: document.documentElement.scrollWidth - document.documentElement.clientWidth
    };
"""


def main(pageUrl, png, darkPng, script):
    """
    Look at it.
    """
    with browser(pageUrl) as session:
        session.call("POST", "/url", url=pageUrl)
        seen = {}
        for name, path in (("light", png), ("dark", darkPng)):
            features = [{"name": "prefers-color-scheme", "value": name}]
            do(session, "Emulation.setEmulatedMedia", features=features)
            do(
                session,
                "Emulation.setDeviceMetricsOverride",
                width=WIDTH,
                height=800,
                deviceScaleFactor=1,
                mobile=False,
            )
            seen[name] = session.wait("the page", lambda look: look["isThere"], LOOK)
            picture = do(session, "Page.captureScreenshot", captureBeyondViewport=True)
            with open(path, "wb") as file:
                file.write(base64.b64decode(picture["data"]))
        return {"ok": True, "seen": seen}


def do(session, command, **parameters):
    """
    A command of the DevTools protocol.
    """
    return session.call("POST", "/goog/cdp/execute", cmd=command, params=parameters)


if __name__ == "__main__":
    report(main)
