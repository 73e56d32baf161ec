"""A run is saved from its first second on; on a full disk it goes on, and is saved later."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from inkgrad.course import weights_file
from inkgrad.course.data.datasets import Data, Report
from inkgrad.course.settings import course_settings
from inkgrad.course.training import run as run_module
from inkgrad.course.training.run import Run
from inkgrad.course.training.run_store import RunStore
from warm_python import WarmPython


def test_the_folder_is_there_before_the_data_is_loaded(few_digits: Data, tmp_path: Path) -> None:
    store = RunStore(tmp_path / "runs")
    seen = []

    def load(report: Report) -> Data:
        seen.extend(store.summaries()[0])
        return few_digits

    run = Run(course_settings("cnn", epochs=1), load, store)
    run.start()
    assert run.wait(60)
    assert [(each.id, each.state) for each in seen] == [(run.id, "loading")]
    names = {path.name for path in (store.folder / run.id).iterdir()}
    assert {"run.json", "weights.safetensors", "data.safetensors"} <= names
    assert not {"state.safetensors", "lock.json"} & names  # it is over


FULL = """
import json, resource, sys, time
from pathlib import Path
import torch
from inkgrad.course.data.datasets import breast_cancer
from inkgrad.course.settings import course_settings
from inkgrad.course.training import run, run_saver
from inkgrad.course.training.run_store import RunStore

torch.set_num_threads(1)
run.SECONDS_BETWEEN_SAVES = 0.05
_, most = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (100, most))
store = RunStore(Path("runs"))
full = run.Run(course_settings("diabetes", epochs=5), lambda report: breast_cancer(), store)
full.start()
assert full.wait(60)
status = full.status()
first = [status.state, str(status.problem), full.is_unsaved, len(store.summaries()[0])]
resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))  # there is room again
deadline = time.monotonic() + 60
while full.is_unsaved and time.monotonic() < deadline:
    time.sleep(0.01)
kept = store.load(full.id)
print(json.dumps([first, kept.state, kept.epochs_done, full.status().problem]))
"""


def test_a_full_disk_does_not_end_a_run(python: WarmPython, tmp_path: Path) -> None:
    ended = python.run(FULL, cwd=tmp_path)
    assert (ended.returncode, ended.stderr) == (0, "")
    (state, problem, is_unsaved, listed), kept, epochs, later = json.loads(ended.stdout)
    assert (state, is_unsaved, listed) == ("finished", True, 0)
    assert problem.startswith("The run could not be saved")
    assert (kept, epochs, later) == ("finished", 5, None)
    (folder,) = (tmp_path / "runs").glob("2*")
    weights_file.load(folder / "weights.safetensors")
    assert {path.name for path in folder.iterdir()} == {
        *("run.json", "weights.safetensors", "data.safetensors", "checkpoints.safetensors"),
    }


@pytest.mark.parametrize("damage", ["none", "state", "data", "other data"])
def test_what_was_saved_is_checked_before_a_run_goes_on(
    few_digits: Data, tmp_path: Path, damage: str
) -> None:
    store = RunStore(tmp_path / "runs")
    run = Run(course_settings("softmax", epochs=1000), lambda report: few_digits, store)
    run.start()
    while run.status().done < 3 and run.is_active:
        pass
    run.stop()
    assert run.wait(60)
    assert run.status().can_resume
    if damage == "none":
        store.state(run.id).unlink()
    elif damage == "state":
        store.state(run.id).write_bytes(store.state(run.id).read_bytes()[:-9])
    elif damage == "data":
        store.data(run.id).write_bytes(b"")
    else:
        run_module.run_data.save(store.data(run.id), Data("x", few_digits.test, few_digits.train))
    expected = {"none": "not saved", "state": "damaged", "data": "damaged", "other data": "changed"}
    if damage in ("none", "state"):
        with pytest.raises(ValueError, match=expected[damage]):
            Run.resumed(store, run.id)
        return
    again = Run.resumed(store, run.id)
    again.start()
    assert again.wait(60)
    record = store.load(run.id)
    assert record.state == "failed"
    assert expected[damage] in record.message
    assert record.epochs == run.record().epochs  # nothing is lost
    assert store.state(run.id).exists()
