# SPDX-License-Identifier: GPL-2.0-only
#
# conf.py: how Sphinx makes the HTML pages; scripts/htmldocs.sh lays out the sources.

import os

from pygments.lexers.special import TextLexer

project = "axas"
author = "the axas authors"
copyright = "the axas authors, GPL-2.0-only"
version = release = os.environ.get("AXAS_VERSION", "")

extensions = ["myst_parser"]
source_suffix = {".md": "markdown", ".rst": "restructuredtext"}
# Links to headings, by the anchors that GitHub generates.
myst_heading_anchors = 4
# README lays out its picture with tabs; no smart quotes in commands.
smartquotes = False
primary_domain = "c"
highlight_language = "none"


def setup(app):
    # The list of files in design.md, which scripts/lint.sh reads.
    app.add_lexer("layers", TextLexer)

html_theme = "alabaster"
html_theme_options = {
    "page_width": "1180px",
    "sidebar_width": "250px",
    "description": "guest memory for Linux",
    "fixed_sidebar": True,
}
html_copy_source = False
html_show_sphinx = False
html_static_path = ["_static"]
html_css_files = ["axas.css"]
