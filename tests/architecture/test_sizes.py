"""Files and functions stay within a screen or a few: past that, they are two concerns."""

from tests.architecture.source import PACKAGES, ROOT, functions, python_files

FILE_LINES = 400
FUNCTION_LINES = 40
PARAMETERS = 5
OPTIONS_ARE_PARAMETERS = ROOT / "vaguemestre" / "app" / "cli"
EVERYWHERE = (*PACKAGES, "tests", "benchmarks")


def test_no_file_is_over_400_lines() -> None:
    lengths = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in python_files(*EVERYWHERE)}

    assert {str(path.relative_to(ROOT)): n for path, n in lengths.items() if n > FILE_LINES} == {}


def test_no_function_is_over_40_lines() -> None:
    long = {each.place: each.lines for each in functions(*EVERYWHERE) if each.lines > FUNCTION_LINES}

    assert long == {}


def test_no_function_takes_more_than_5_parameters() -> None:
    many = {
        each.place: each.parameters
        for each in functions(*PACKAGES)
        if each.parameters > PARAMETERS and not each.path.is_relative_to(OPTIONS_ARE_PARAMETERS)
    }

    assert many == {}
