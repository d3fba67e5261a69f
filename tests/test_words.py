"""Verdicts in README and book come from the rule: no sentence written by hand gives one."""

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
VERDICT = re.compile(
    r"\b(?:supported|contradicted|shown to|not shown|proves|outperforms?)\b"
    r"|\bbeats? (?:the|plain|chance|concatenation|random)\b"
    r"|\b(?:attributes|body part|selection|interaction|tokens?|tasks?) (?:helps?|harms?|matters?)\b",
    re.IGNORECASE,
)
RULES = (  # sentences that say what the words mean, or ask
    "a corrected test finds a difference in the",
    "A verdict needs several seeds",
    "below .05, effect ",  # the protocol's table of outcomes
    "*Not shown* is not *no effect*",
    "A claim is *supported* or *contradicted* only where",
    "A difference counts as *supported* or *contradicted* only where",
    "Differences that a corrected test over several seeds does not find are reported as *not shown*",
    "*not shown* is not *no effect*",
    "else it is *not shown*, which is not *no effect*",
    "Does cross-attention between tasks beat",
    "Do patches chosen by attention beat random ones",
    "*Do local tokens help?* and *does choosing them help?* are two questions",
    "otherwise the text says *not shown*",
    "what helps one task harms the other",  # what a conflict is
    "Does learning the other tasks help where",
    "Whether body part and attributes help most where",
    "Do the patch tokens help, and does *choosing* them help",
    "*cross-interaction beats concatenation* is tested on data that cannot favour it",
    "the maps that are shown to explain answers can be put to a test",
    "or with the remark that it is not shown",  # of the model, to a reader
    "what lies beside it is not shown",  # of a photograph
)


def sentences(text):
    """Sentences of a text without code, generated blocks and what is glued or looked up."""
    text = re.sub(r"<!-- in short -->.*?<!-- end of in short -->|```.*?```|<!--.*?-->", " ", text, flags=re.DOTALL)
    flat = re.sub(r"[ \t]*\n(?![\n\-|#:])[ \t]*", " ", text)
    return [s.strip() for line in flat.splitlines() for s in re.split(r"(?<=[.!?:;]) +", line) if s.strip()]


def prose():
    for path in [ROOT / "README.md", *sorted((ROOT / "book").glob("[a-z]*.md"))]:
        yield from ((path.name, sentence) for sentence in sentences(path.read_text(encoding="utf-8")))
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            if cell["cell_type"] == "markdown":
                yield from ((path.name, sentence) for sentence in sentences("".join(cell["source"])))


def test_no_verdict_is_written_by_hand():
    given = [
        f"{name}: {sentence}"
        for name, sentence in prose()
        if VERDICT.search(sentence)
        and sentence.lower() not in ("supported:", "contradicted:", "not shown:")
        and "{glue:" not in sentence
        and not any(rule in sentence for rule in RULES)
    ]
    assert not given, "\n".join(given)


@pytest.mark.parametrize(
    "sentence",
    [
        "Lesion selection is supported by paired tests.",
        "Cross-interaction beats concatenation.",
        "Nine of ten rivals are shown to be worse.",
        "Attributes are not shown to help.",
        "This proves the idea.",
    ],
)
def test_the_search_finds_such_sentences(sentence):
    assert VERDICT.search(sentences(sentence)[0])


def test_the_readme_and_the_index_do_not_promise_more_than_the_records_hold():
    for name in ("README.md", "book/index.md", "book/status.md"):
        text = " ".join((ROOT / name).read_text(encoding="utf-8").split())
        for promise in ("every number", "noted by hand", "No result in the prose", "best score that any"):
            assert promise not in text, (name, promise)
