"""Requests for a check or a benchmark of the kernels, and what the worker process gets for them."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, create_model, model_validator

from inkgrad.check import DTYPES, OPS
from inkgrad_bench import environment, user_cases
from inkgrad_bench.user_cases import SIZES
from inkgrad_demo.services.request_fields import OneOf, Whole
from inkgrad_demo.services.request_validation import Request, field_error, parse
from inkgrad_demo.texts import message


class CheckRequest(Request):
    ops: list[Annotated[str, OneOf(OPS)]] | None = Field(
        None,
        min_length=1,
        max_length=len(OPS),
        description=f"which ops of {', '.join(OPS)}; null for all",
    )
    dtypes: list[Annotated[str, OneOf(DTYPES)]] | None = Field(
        None,
        min_length=1,
        max_length=len(DTYPES),
        description=f"which dtypes of {', '.join(DTYPES)}; null for all",
    )

    def job(self) -> dict[str, Any]:
        return {
            "kind": "check",
            "ops": [op for op in OPS if self.ops is None or op in self.ops],
            "dtypes": [dtype for dtype in DTYPES if self.dtypes is None or dtype in self.dtypes],
        }


def _sizes_model(op: str) -> type[Request]:
    fields: dict[str, Any] = {
        size.name: (Annotated[int, Whole(size.minimum, size.maximum)], size.default)
        for size in SIZES[op]
    }
    return create_model(f"sizes of {op}", __base__=Request, **fields)


_SIZES_MODELS = {op: _sizes_model(op) for op in SIZES}


class BenchRequest(Request):
    op: Annotated[str, OneOf(SIZES)] = Field(description=f"one of {', '.join(SIZES)}")
    sizes: dict[str, Any] | None = Field(
        None,
        description="sizes by name, each with a default: rows, inputs, outputs for linear_sigmoid "
        "and linear_relu; elements for binary_cross_entropy; batch, channels, height, width, "
        "filters, kernel, stride, padding for conv2d and conv2d_relu_max_pool2d",
    )
    dtype: Annotated[str, OneOf(user_cases.DTYPES)] = Field(
        "float32", description=f"one of {', '.join(user_cases.DTYPES)}"
    )
    threads: Annotated[int, Whole(1, environment.processors())] = Field(
        1, description="number of threads"
    )
    quick: bool = Field(True, description="take few samples")

    @model_validator(mode="after")
    def _can_be_timed(self) -> BenchRequest:
        try:
            user_cases.case_of(self.op, self._all_sizes(), self.dtype)
        except user_cases.TooSmall as error:
            expected = message("problem.at_least_here", least=error.minimum)
            raise field_error(error.name, expected, error.got) from None
        except user_cases.TooMuch as error:
            values = {"needed": f"{error.needed:.1f}", "most": f"{error.maximum:.1f}"}
            raise ValueError(message("problem.too_much", unit=error.unit, **values)) from None
        return self

    def job(self) -> dict[str, Any]:
        return {
            "kind": "bench",
            "op": self.op,
            "sizes": self._all_sizes(),
            "dtype": self.dtype,
            "threads": self.threads,
            "quick": self.quick,
        }

    def _all_sizes(self) -> dict[str, int]:
        sizes = {} if self.sizes is None else self.sizes
        return parse(_SIZES_MODELS[self.op], sizes, name="sizes").model_dump()
