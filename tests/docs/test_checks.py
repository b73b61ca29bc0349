"""Every rule for plugins is in the documents, and leads to what explains it."""

from __future__ import annotations

import re

import pytest

from tests.docs.conftest import ROOT
from ttsflow.testing import backends, policies

GROUPS = {"Backends": backends.GROUPS, "Policies": policies.GROUPS}


@pytest.mark.parametrize("kind", GROUPS)
def test_the_page_has_every_rule(kind: str) -> None:
    page = (ROOT / "docs" / "checks.md").read_text("utf-8")
    section = re.search(rf"^## {kind}\n(.*?)(?=^## |\Z)", page, re.M | re.S)
    assert section is not None
    shown = {}
    for name, table in re.findall(r"^### (\w+)\n(.*?)(?=^### |\Z)", section[1], re.M | re.S):
        shown[name] = re.findall(r"^\| `([\w-]+)` \| (.*) \|$", table, re.M)
    assert shown == {name: [(rule.name, rule.says) for rule in rules] for name, rules in GROUPS[kind].items()}


@pytest.mark.parametrize("kind", GROUPS)
def test_each_rule_leads_to_a_heading(kind: str) -> None:
    for rules in GROUPS[kind].values():
        for rule in rules:
            file, _, anchor = rule.page.partition("#")
            headings = re.findall(r"^#+ (.+)$", (ROOT / file).read_text("utf-8"), re.M)
            known = {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
            assert not anchor or anchor in known, (rule.name, rule.page)
