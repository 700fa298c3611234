"""The anchors of headings, as GitHub makes them: a link holds in the repository and in the site."""

import re


def anchor(heading: str, separator: str = "-") -> str:
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", separator)
