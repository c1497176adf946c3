"""The fold makes of each shared case (test/conformance/cases) what the case says."""

import json
import pathlib
import unittest

from parley_client.fold import View, fold

CASES = sorted(pathlib.Path(__file__).parents[3].joinpath("test", "conformance", "cases").glob("*.json"))


class Cases(unittest.TestCase):
    def test_there_are_cases(self) -> None:
        self.assertGreater(len(CASES), 20)

    def test_each_case_folds_to_its_view(self) -> None:
        for path in CASES:
            with self.subTest(path.stem):
                case = json.loads(path.read_text(encoding="utf-8"))
                view = View("c_case")
                for frame in case["frames"]:
                    view = fold(view, frame)
                turn = view.turn(case["turn_id"])
                assert turn is not None
                found = {"status": turn.status, "attempt": turn.attempt, "text": turn.text, "parts": list(turn.parts)}
                if turn.status == "error":
                    found["code"] = turn.outcome["code"]
                self.assertEqual(found, case["view"])

    def test_a_frame_that_comes_again_changes_nothing(self) -> None:
        for path in CASES:
            view = View("c_case")
            for frame in json.loads(path.read_text(encoding="utf-8"))["frames"]:
                view = fold(view, frame)
                self.assertIs(fold(view, frame), view)


if __name__ == "__main__":
    unittest.main()
