"""The visitor's code on the Lessons page: programs to run, and answers to check. No Gradio in here.

Code runs in processes of its own (jobs/code_worker.py), and only where the app allows it.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

from inkgrad.course.lessons import LESSONS
from inkgrad.course.lessons.exercises import EXERCISES, CodeExercise
from inkgrad_demo.jobs.job_queue import JobQueue
from inkgrad_demo.services.request_fields import Whole
from inkgrad_demo.services.request_validation import Request, field_error
from inkgrad_demo.texts import message

MAX_SECONDS = 300
"""Code that runs longer is killed."""
MAX_CODE = 50_000
"""Characters of code."""


class CodeRequest(Request):
    code: str = Field(max_length=MAX_CODE)


class AnswerRequest(Request):
    number: Annotated[int, Whole(1, len(LESSONS))]
    exercise: Annotated[int, Whole(1, max(map(len, EXERCISES.values())))]
    answer: str = Field(max_length=MAX_CODE)


class FollowRequest(Request):
    job: str = Field(max_length=60)
    after: Annotated[int, Whole(0, 10**6)] = 0


class StopCodeRequest(Request):
    job: str = Field(max_length=60)


class CodeService:
    """Runs code if ``allowed``. Thread-safe."""

    def __init__(self, allowed: bool) -> None:
        self.allowed = allowed
        self._jobs = JobQueue("inkgrad_demo.jobs.code_worker", MAX_SECONDS)

    def run_code(self, request: CodeRequest) -> dict[str, Any]:
        """Queue a program; return the ``job`` to follow."""
        return self._submit({"kind": "program", "code": request.code})

    def check_answer(self, request: AnswerRequest) -> dict[str, Any]:
        """Check the answer to an exercise: return the ``verdict``, or for code the ``job``."""
        exercises = EXERCISES[request.number]
        if request.exercise > len(exercises):
            expected = message("problem.exercise", most=len(exercises))
            raise field_error("exercise", expected, request.exercise)
        exercise = exercises[request.exercise - 1]
        if isinstance(exercise, CodeExercise):
            asked = {"number": request.number, "exercise": request.exercise}
            return self._submit({"kind": "answer", "code": request.answer, **asked})
        verdict = exercise.check(request.answer)
        return {"verdict": {"is_right": verdict.is_right, "message": verdict.message.texts}}

    def follow_code(self, request: FollowRequest) -> dict[str, Any]:
        """Return a job's state and its events from number ``after`` on; see JobQueue.poll."""
        return self._jobs.poll(request.job, request.after)

    def stop_code(self, request: StopCodeRequest) -> dict[str, Any]:
        """End a job now."""
        self._jobs.stop(request.job)
        return {}

    def color_code(self, request: CodeRequest) -> dict[str, Any]:
        """Return the code as ``html`` with the classes of Pygments."""
        return {"html": colored(request.code)}

    def _submit(self, job: dict[str, Any]) -> dict[str, Any]:
        if not self.allowed:
            raise ValueError(message("problem.no_code"))
        return {"job": self._jobs.submit(job).id}


def colored(code: str, marked: list[int] | None = None) -> str:
    """The code as HTML; lines with the ``marked`` numbers have the class ``hll``."""
    # As it is: without stripnl, Pygments would drop empty lines at both ends.
    lexer = PythonLexer(stripnl=False, ensurenl=False)
    html: str = highlight(code, lexer, HtmlFormatter(nowrap=True, hl_lines=marked or []))
    return html
