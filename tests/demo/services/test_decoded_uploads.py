"""Uploads are kept within quotas: one's own oldest go first."""

from __future__ import annotations

import pytest
import torch

pytest.importorskip("gradio")

from inkgrad.course.data.datasets import Data, Examples
from inkgrad_demo.jobs.decoder import Decoded
from inkgrad_demo.services import decoded_uploads
from inkgrad_demo.services.decoded_uploads import DecodedUploads, Quota, Upload
from inkgrad_demo.services.upload_store import UploadedFile


def upload(visitor: str = "ada", rows: int = 1) -> Upload:
    examples = Examples(torch.zeros(rows, 1), torch.zeros(rows, 1))  # 8 bytes a row
    found = Decoded(Data("mine", examples, examples[:0]), None)
    return Upload(UploadedFile("mine", b""), found, visitor)


def kept(store: DecodedUploads, ids: str) -> str:
    return "".join(id for id in ids if id in store._uploads)


def test_the_oldest_of_a_visitor_make_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoded_uploads, "PER_VISITOR", Quota(3, 80))
    store = DecodedUploads()
    store.add("x", upload("bo"))
    for id in "abc":
        store.add(id, upload())
    assert store.get("a") is not None  # used: now the oldest is b
    store.add("d", upload())
    assert kept(store, "xabcd") == "xacd"
    store.add("e", upload(rows=9))
    assert kept(store, "xacde") == "xde"
    store.add("f", upload(rows=1000))  # larger than the quota, but the only one
    assert kept(store, "xdef") == "xf"


def test_all_visitors_together_have_a_quota(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoded_uploads, "IN_ALL", Quota(2, 1000))
    store = DecodedUploads()
    for id in "abc":
        store.add(id, upload(visitor=id))
    assert kept(store, "abc") == "bc"


def test_what_nobody_uses_is_deleted(monkeypatch: pytest.MonkeyPatch) -> None:
    store = DecodedUploads()
    store.add("a", upload())
    monkeypatch.setattr(decoded_uploads, "MAX_SECONDS_UNUSED", -1.0)
    store.add("b", upload(visitor="bo"))
    assert kept(store, "a") == ""
