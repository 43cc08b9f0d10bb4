# SPDX-License-Identifier: Apache-2.0
"""check_page.py FILE [EXPRESSION...]: checks a page of `minfold report`, that it is well formed, loads
nothing and runs nothing, and evaluates Python expressions in which p is what the page holds: text outside
of figures, svg (text in them), headings, pictures and curves (their numbers). Each must be true."""
import html.parser
import json
import sys

VOID = {"meta", "br", "img", "link", "input", "hr"}
ALLOWED = set("""html head meta title style body h1 h2 h3 p span div table tr th td ul li details summary sup
    svg desc g rect defs circle path use text tspan line polygon polyline filter feflood fecomposite
    lineargradient stop clippath pattern""".split())


class Page(html.parser.HTMLParser):
    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.open, self.ids = [], set()
        self.text = self.svg = ""
        self.headings, self.pictures, self.curves = [], 0, 0

    def handle_starttag(self, tag, attributes):
        assert tag in ALLOWED, f"<{tag}>"
        for name, value in attributes:
            assert not name.startswith("on") and name != "src", f"<{tag} {name}>"
            if "href" in name:
                assert value.startswith("#"), value
                self.wanted = getattr(self, "wanted", set()) | {value[1:]}
            if "style" in name or name in ("fill", "stroke"):
                assert "url(http" not in value and "//" not in value, value
            if name == "id":
                assert value not in self.ids, f"two elements are {value}"
                self.ids.add(value)
        if tag == "svg":
            self.pictures += 1
        if tag == "path" and "svg" in self.open and "defs" not in self.open:
            self.curves += 1
        if tag in ("h1", "h2"):
            self.headings.append("")
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open and self.open[-1] == tag, f"</{tag}> within {self.open}"
        self.open.pop()

    def handle_data(self, data):
        if "style" in self.open:
            return
        if "svg" in self.open:
            self.svg += data
        else:
            self.text += data
        if self.open and self.open[-1] in ("h1", "h2"):
            self.headings[-1] += data


content = open(sys.argv[1], encoding="utf-8").read()
assert content.startswith("<!DOCTYPE html>") and "default-src 'none'" in content
p = Page()
p.feed(content)
p.close()
assert not p.open, p.open
assert getattr(p, "wanted", set()) <= p.ids, "a reference to nothing"
for expression in sys.argv[2:]:
    if not eval(expression, {"p": p, "json": json}):
        raise SystemExit(f"{sys.argv[1]}: not true: {expression}\n{p.text[:3000]}\n{p.headings} {p.pictures} {p.curves}")
