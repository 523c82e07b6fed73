"""Who stands at the bench: a person at a terminal, or a script of answers."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Sequence

from host_tools.calibrate.refuse import Refusal
from host_tools.calibrate.wizard import Declined, Step


class Terminal:
    """Asks on the terminal. access: the code, if it was given. yes: writes without asking."""

    def __init__(self, access: str | None = None, yes: bool = False) -> None:
        self._access = access
        self._yes = yes
        self._live = False

    def tell(self, text: str) -> None:
        self._end_line()
        print(text, flush=True)

    def waiting(self, text: str) -> None:
        if sys.stdout.isatty():
            self._live = True
            print(f"\r  waiting: {text}\x1b[K", end="", flush=True)

    def prepare(self, step: Step, text: str) -> bool:
        self.tell("\n" + text)
        return self._ask("Enter when it is so, s to leave this step out, q to end: ", {"": True, "s": False})

    def values(self, step: Step, text: str) -> str:
        self.tell(text)
        return self._line("  > ")

    def again(self, step: Step, refusal: Refusal) -> bool:
        self.tell(f"refused: {refusal.reason}\n  what to do: {refusal.remedy}")
        return self._ask("Enter to try again, q to end: ", {"": True})

    def confirm(self, text: str) -> bool:
        if self._yes:
            return True
        self._end_line()
        return self._ask(f"{text} y or n: ", {"y": True, "n": False})

    def code(self) -> str:
        if self._access is None:
            self._end_line()
            self._access = getpass.getpass("access code of the meter: ")
        return self._access

    def _ask(self, question: str, answers: dict[str, bool]) -> bool:
        while True:
            answer = self._line(question).strip().lower()
            if answer == "q":
                raise Declined("ended by the operator")
            if answer in answers:
                return answers[answer]

    @staticmethod
    def _line(question: str) -> str:
        try:
            return input(question)
        except EOFError:
            raise Declined("there is nobody to answer: give a script with --script") from None

    def _end_line(self) -> None:
        if self._live:
            self._live = False
            print()


class Script:
    """Answers from a list, one a line, in the order of the steps: what the reference reads ("v=230 i=5 phi=60"), "ok"
    for a step that has no values or a reference of its own, "skip". All else is answered with yes."""

    def __init__(self, lines: Sequence[str], access: str | None) -> None:
        self._lines = [line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#")]
        self._at = 0
        self._answer = ""
        self._access = access

    def tell(self, text: str) -> None:
        print(text, flush=True)

    def waiting(self, text: str) -> None:
        pass

    def prepare(self, step: Step, text: str) -> bool:
        self.tell(text)
        if self._at == len(self._lines):
            raise Declined(f"the script has {self._at} lines, none for the step {step.name}")
        self._answer = self._lines[self._at]
        self._at += 1
        return self._answer != "skip"

    def values(self, step: Step, text: str) -> str:
        if self._answer is None:
            raise Declined(f"the script's line {self._at} does not do: {text}")
        answer, self._answer = self._answer, None
        return answer

    def again(self, step: Step, refusal: Refusal) -> bool:
        return False

    def confirm(self, text: str) -> bool:
        return True

    def code(self) -> str:
        if self._access is None:
            raise Declined("give the access code with --code")
        return self._access
