"""The maps from threads to elements of the CUDA kernels, checked exhaustively on the host."""

from __future__ import annotations

import ctypes
import itertools

import pytest


def count(function, *arguments):
    function.restype = ctypes.c_int64
    return function(*(ctypes.c_int64(a) for a in arguments))


@pytest.mark.parametrize("lanes", [2, 4, 8])
def test_chunks_cover_every_element_once(host_checks, lanes):
    for n in (0, 1, 2, 5, 255, 256, 2047, 2048, 2049, 8191, 8192, 8193, 100_003, 2**20):
        assert count(host_checks.chunk_errors, n, lanes) == 0, n


@pytest.mark.parametrize("lanes", [2, 4, 8])
def test_chunks_beyond_31_bits(host_checks, lanes):
    for n in (2**31 - 1, 2**31, 2**31 + 1, 2**33 + 5, 2**40):
        assert count(host_checks.last_chunk_errors, n, lanes) == 0, n


@pytest.mark.parametrize("lanes", [2, 4, 8])
def test_a_walk_along_rows_knows_its_column(host_checks, lanes):
    for columns in (1, 2, 3, 5, 6, 7, 8, 10, 31, 512, 1000, 2047, 2048, 2049, 5000, 2**31 + 3):
        assert count(host_checks.walk_errors, columns, lanes) == 0, columns


def test_column_tiles_cover_every_element_once(host_checks):
    sizes = (1, 2, 3, 7, 8, 31, 32, 33, 64, 255, 257, 1025)
    for rows, columns in itertools.product((*sizes, 8191, 8193), sizes):
        assert count(host_checks.column_tile_errors, rows, columns) == 0, (rows, columns)
    for rows in (2**24, 2**31, 2**33 + 7):
        for columns in (1, 6, 64):
            assert count(host_checks.large_column_tile_errors, rows, columns) == 0, (rows, columns)


def test_division_by_multiplication(host_checks):
    divisors = (*range(1, 300), *(2**k + d for k in range(9, 31) for d in (-1, 0, 1)), 2**31 - 1)
    for divisor in divisors:
        assert count(host_checks.divider_errors, divisor) == 0, divisor


@pytest.mark.parametrize("channels_last", [False, True])
def test_windows_and_planes_are_inverse(host_checks, channels_last):
    for sizes in ((1, 1, 1, 1), (2, 3, 7, 9), (3, 5, 8, 6), (1, 4, 5, 13), (2, 1, 33, 18)):
        for window in ((1, 1), (2, 2), (3, 2), (1, 3), (4, 1), (5, 5)):
            if window[0] > sizes[2] or window[1] > sizes[3]:
                continue
            assert count(host_checks.pool_errors, *sizes, *window, channels_last) == 0


def test_convolution_computes_every_position_once(host_checks):
    for images, channels, (height, width), out, k, pad in itertools.product(
        (1, 3, 130), (1, 3, 8), ((6, 6), (7, 9), (28, 28), (33, 31), (40, 64)), (1, 10), (3, 5),
        (0, 2),
    ):  # fmt: skip
        sizes = (images, channels, height, width, out, k, pad)
        assert count(host_checks.conv_forward_errors, *sizes) == 0, sizes
        assert count(host_checks.conv_input_grad_errors, *sizes) == 0, sizes


def test_gradient_of_the_weight_makes_every_sum_once(host_checks):
    for images, channels, (height, width), out, k, pad in itertools.product(
        (1, 31, 33, 4096, 70_000), (1, 2, 3, 10),
        ((6, 6), (7, 9), (28, 28), (33, 31), (8, 700), (200, 7)), (1, 10, 20, 33, 333), (3, 5),
        (0, 2),
    ):  # fmt: skip
        sizes = (images, channels, height, width, out, k, pad)
        assert count(host_checks.conv_weight_grad_errors, *sizes) == 0, sizes


def test_gradient_of_the_input_reads_from_different_banks(host_checks):
    for sizes in ((1, 28, 10, 5), (10, 12, 20, 5), (3, 32, 8, 5), (8, 8, 5, 3), (2, 20, 7, 3)):
        assert count(host_checks.conv_input_grad_conflicts, *sizes) == 0, sizes


@pytest.mark.parametrize("may_split", [False, True])
@pytest.mark.parametrize("tile_columns", [128, 256])
def test_products_make_every_tile_once(host_checks, tile_columns, may_split):
    sizes = (1, 127, 128, 129, 256, 257, 1000, 4096)
    for m, n, k in itertools.product(sizes, sizes, (1, 64, 65, 1024, 5000)):
        sizes = (m, n, k, tile_columns, 132, may_split)
        assert count(host_checks.gemm_tile_errors, *sizes) == 0, sizes


def test_panels_make_every_tile_once(host_checks):
    sizes = (1, 63, 64, 65, 127, 128, 129, 256, 257, 1000, 8192)
    for m, n, blocks in itertools.product(sizes, sizes, (2, 16, 132)):
        assert count(host_checks.panel_tile_errors, m, n, blocks) == 0, (m, n, blocks)


@pytest.mark.parametrize("columns", [128, 256])
def test_sums_of_a_warpgroup(host_checks, columns):
    assert count(host_checks.gemm_sum_errors, columns) == 0


@pytest.mark.parametrize(("columns", "wide"), [(128, 4), (128, 8), (256, 8)])
def test_columns_are_dealt_out(host_checks, columns, wide):
    assert count(host_checks.gemm_interleaved_errors, columns, wide) == 0


@pytest.mark.parametrize("k_is_consecutive", [False, True])
@pytest.mark.parametrize("extent", [64, 128, 256])
def test_descriptors_find_what_was_copied(host_checks, extent, k_is_consecutive):
    assert count(host_checks.gemm_operand_errors, extent, k_is_consecutive) == 0


@pytest.mark.parametrize("bytes", [4, 8])
def test_small_linear_makes_every_output_and_sum_once(host_checks, bytes):
    for inputs, outputs in itertools.product((*range(1, 38), 63, 64, 100, 127, 128), range(1, 33)):
        if outputs * -(-inputs // 4) > 256:
            continue
        for rows in (1, 31, 257, 4099):
            sizes = (rows, inputs, outputs, bytes)
            assert count(host_checks.small_forward_errors, *sizes) == 0, sizes
            assert count(host_checks.small_backward_errors, *sizes) == 0, sizes
    for rows in (2**24, 2**31 + 1, 2**36):
        assert count(host_checks.small_backward_errors, rows, 8, 6, bytes) == 0, rows


def test_chains_lie_in_shared_memory_without_overlap(host_checks):
    def errors(*units):
        return count_of_chain(len(units), (ctypes.c_int * len(units))(*units))

    count_of_chain = host_checks.chain_errors
    count_of_chain.restype = ctypes.c_int64
    for units in ((1, 1), (8, 6, 4, 1), (30, 6, 4, 1), (128, 1), (1, 128), (32, 32, 1), (7,) * 9):
        assert errors(*units) == 0, units
    for units in ((129, 1), (1, 129), (64, 64, 1), (8, 0, 1)):
        assert errors(*units) == -1, units
