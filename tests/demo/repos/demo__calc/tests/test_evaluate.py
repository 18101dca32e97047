import unittest

from calc import CalcError, evaluate


class EvaluateTest(unittest.TestCase):
    def test_numbers(self):
        self.assertEqual(evaluate("12"), 12)
        self.assertEqual(evaluate("1.5"), 1.5)

    def test_names(self):
        self.assertEqual(evaluate("2 * x", x=21), 42)
        with self.assertRaises(CalcError):
            evaluate("y")

    def test_functions(self):
        self.assertEqual(evaluate("min(3, 2) + abs(-1)"), 3)

    def test_division_by_zero(self):
        with self.assertRaises(CalcError):
            evaluate("1 / 0")


if __name__ == "__main__":
    unittest.main()
