#!/usr/bin/env python3
"""Opens the pages of bnas serve, reports and a study in Chromium, at the width of a phone and of a desk, light and dark, and checks them:

- the page does not scroll sideways; what is wider scrolls within itself, and the keyboard reaches it;
- the text has a contrast of 4.5 to what is behind it, and is not smaller than 9 pixels; in drawings 7 (WCAG 2.2 has no least size);
- what can be pressed on a phone is at least 24 pixels wide and high (WCAG 2.2, 2.5.8);
- the Tab key reaches every link and what scrolls, and shows where it is; Enter ticks a box, and compares;
- what is ticked stays so when the list of runs is renewed;
- the browser has nothing to complain about.

    scripts/with-python.sh pages-requirements.txt python3 scripts/check_pages.py --bnas bin/bnas [--shots DIR]
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile

from playwright.sync_api import sync_playwright

NET = "--channels 4 --cells 1 --height 8 --width 8 --batch 8"
FEW = "--images 16 --ntk-images 4 --calibration 40 --quiet"
RUNS = [
    f"run --out runs/first {NET} --steps 60 --rank-every 20 --metrics-every 5 --max-evaluations 60 {FEW}",
    f"train --out runs/second {NET} --seed 2 --steps 60 --rank-every 20 --metrics-every 5 --quiet",
    f"search --run runs/first --run runs/second --out runs/both-of-them --max-evaluations 60 {FEW}",
    "run --out runs/a-long-name-2026-11-29-darts-seed-1-placement-fair --space darts --channels 4 --cells 3 --height 8 --width 8 --batch 4"
    " --steps 6 --rank-every 0 --metrics-every 2 --max-evaluations 12 --finalists 2 --finalist-epochs 1 --holdout 200"
    " --images 8 --ntk-images 2 --calibration 10 --quiet",
    f"retrain all3x3 mixed --out runs/own {NET} --steps 3 --test-every 0 --quiet",
    f"study fairness --quick --out study {NET} --steps 20 --quiet",
]
LIVE = f"train --out runs/live {NET} --steps 10000000 --rank-every 0 --threads 1 --quiet"
SIZES = {"phone": {"width": 390, "height": 844}, "desk": {"width": 1280, "height": 800}}

# The faults of a page, as lines of text.
FAULTS = """phone => {
  const faults = [], root = document.documentElement;
  const name = e => e.tagName.toLowerCase() + (e.className.baseVal ?? e.className ? '.' + (e.className.baseVal ?? e.className) : '') +
    ' "' + (e.textContent || e.value || '').trim().slice(0, 40) + '"';
  const shown = e => e.checkVisibility({opacityProperty: true, visibilityProperty: true});
  const scrolls = e => ['auto', 'scroll'].includes(getComputedStyle(e).overflowX);
  if (root.scrollWidth > root.clientWidth)
    faults.push(`the page is ${root.scrollWidth} wide, the window ${root.clientWidth}`);
  for (const e of document.querySelectorAll('body *')) {
    if (!shown(e) || e.closest('svg') && e.tagName != 'svg') continue;
    const box = e.getBoundingClientRect();
    let inside = e.parentElement;
    while (inside && !scrolls(inside)) inside = inside.parentElement;
    if (box.width && !inside && (box.right > root.clientWidth + 1 || box.left < -1))
      faults.push(`${name(e)} reaches from ${box.left} to ${box.right}`);
    if (phone && e.matches('a, summary') && (box.width < 24 || box.height < 24) && !e.closest('p:not(:has(.button))'))
      faults.push(`${name(e)} is ${box.width.toFixed(0)}×${box.height.toFixed(0)}, too small for a finger`);
  }
  const part = c => { c /= 255; return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4; };
  const light = c => 0.2126 * part(c[0]) + 0.7152 * part(c[1]) + 0.0722 * part(c[2]);
  const rgba = text => { const c = text.match(/[\\d.]+/g)?.map(Number) ?? [0, 0, 0, 0]; return c.length < 4 ? [...c, 1] : c; };
  const behind = e => {
    for (; e; e = e.parentElement) { const c = rgba(getComputedStyle(e).backgroundColor); if (c[3] > 0.99) return c; }
    return [255, 255, 255, 1];
  };
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), seen = new Set();
  for (let t = texts.nextNode(); t; t = texts.nextNode()) {
    const e = t.parentElement;
    if (!t.data.trim() || seen.has(e) || !shown(e) || ['STYLE', 'TITLE', 'title'].includes(e.tagName)) continue;
    seen.add(e);
    const style = getComputedStyle(e), drawn = e.closest('svg');
    const m = drawn && e.getScreenCTM(), scale = drawn ? Math.hypot(m.a, m.b) : 1;
    const size = parseFloat(style.fontSize) * scale;
    if (size < (drawn ? 7 : 9)) faults.push(`${name(e)} has ${size.toFixed(1)} pixels`);
    if (drawn && e.matches('.value')) continue; // on a coloured cell
    const a = light(rgba(drawn ? style.fill : style.color)), b = light(behind(drawn ?? e));
    const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (contrast < 4.5) faults.push(`${name(e)} has a contrast of ${contrast.toFixed(2)}`);
  }
  return faults;
}"""

# What the Tab key must reach: what can be pressed, and what scrolls.
REACHED = """() => [...document.querySelectorAll('a[href], summary, body *')].filter(e =>
  e.checkVisibility() && (e.matches('a[href], summary') ||
    ['auto', 'scroll'].includes(getComputedStyle(e).overflowX) && e.scrollWidth > e.clientWidth &&
    !e.querySelector('a[href], summary'))).map((e, i) => { e.dataset.stop = i; return i; }).length"""
WHERE = """() => { const e = document.activeElement, s = getComputedStyle(e);
  return e == document.body ? null : {stop: e.dataset.stop, text: e.textContent.slice(0, 40), outline: s.outlineStyle != 'none' && parseFloat(s.outlineWidth) > 0}; }"""


def walk(page, wrong):
    """Goes through the page by Tab."""
    stops, reached = page.evaluate(REACHED), set()
    for _ in range(2 * stops + 5):
        page.keyboard.press("Tab")
        here = page.evaluate(WHERE)
        if here is None or here["stop"] in reached:
            break
        if here["stop"] is not None:
            reached.add(here["stop"])
        if not here["outline"]:
            wrong(f"the Tab key is at {here['text']!r}, and nothing shows it")
    if len(reached) != stops:
        wrong(f"the Tab key reaches {len(reached)} of {stops} places")


def compare(page, address, wrong):
    """Ticks two runs by the keyboard, waits until the list is renewed, and compares them."""
    page.goto(address)
    for n in (0, 1):
        page.focus(f"tr:nth-child({n + 2}) .box")
        with page.expect_navigation():
            page.keyboard.press("Enter")
    before = page.inner_text("table")
    page.wait_for_function("before => document.querySelector('table').innerText != before", arg=before)
    if (n := len(page.query_selector_all(".box:not(:empty)"))) != 2:
        wrong(f"{n} runs are ticked after the list was renewed, not 2")
    page.focus(".button")
    with page.expect_navigation():
        page.keyboard.press("Enter")
    if "/compare?" not in page.url:
        wrong(f"Enter on the button leads to {page.url}")


def check(browser, address, more, shots):
    faults = []
    for size, box in SIZES.items():
        for scheme in ("light", "dark"):
            view = browser.new_context(viewport=box, color_scheme=scheme, is_mobile=size == "phone", has_touch=size == "phone")
            page = view.new_page()
            pages = [address]

            def wrong(text):
                faults.append(f"{page.url.replace(address, '/')}, {size}, {scheme}: {text}")

            page.on("console", lambda m: wrong(m.text) if m.type in ("error", "warning") else None)
            page.on("pageerror", lambda e: wrong(str(e)))
            page.goto(address)
            for a in page.query_selector_all("td a:not(.box)"):
                pages.append(address.rstrip("/") + a.get_attribute("href"))
            pages += [p + "/report.html" for p in pages if re.search("/runs/(first|a-long)", p)]
            compare(page, address, wrong)
            pages += [page.url, address + "?run=first&run=second", *("file://" + one for one in more)]
            for n, one in enumerate(pages):
                page.goto(one)
                page.evaluate("for (const d of document.querySelectorAll('details')) d.open = true")
                for fault in page.evaluate(FAULTS, size == "phone"):
                    wrong(fault)
                walk(page, wrong)
                if shots:
                    page.screenshot(path=os.path.join(shots, f"{n}-{size}-{scheme}.png"), full_page=True)
            view.close()
    return len(pages), faults


def main():
    flags = argparse.ArgumentParser()
    flags.add_argument("--bnas", default="bin/bnas")
    flags.add_argument("--shots", help="a folder for pictures of the pages")
    flags = flags.parse_args()
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if not program:
        sys.exit("check_pages: needs Chromium: apt install chromium")
    bnas = os.path.abspath(flags.bnas)
    shots = flags.shots and os.path.abspath(flags.shots)
    if shots:
        os.makedirs(shots, exist_ok=True)
    with tempfile.TemporaryDirectory() as work:
        for line in RUNS:
            subprocess.run([bnas, *line.split()], cwd=work, check=True, stdout=subprocess.DEVNULL)
        training = subprocess.Popen([bnas, *LIVE.split()], cwd=work, stderr=subprocess.DEVNULL)
        server = subprocess.Popen([bnas, "serve", "--listen", "127.0.0.1:0"], cwd=work, stdout=subprocess.PIPE, text=True)
        try:
            address = server.stdout.readline().split("\t")[0].split()[0]
            more = [os.path.join(work, one, "report.html") for one in ("study", "runs/both-of-them")]
            with sync_playwright() as p:
                browser = p.chromium.launch(executable_path=program, args=["--no-sandbox"] if os.geteuid() == 0 else [])
                n, faults = check(browser, address, more, shots)
                browser.close()
        finally:
            for process in (server, training):
                process.terminate()
                process.wait()
    for fault in faults:
        print(fault)
    if faults:
        sys.exit(f"check_pages: {len(faults)} faults")
    print(f"check_pages: {n} pages at two widths, light and dark")


main()
