"""From tokens to a tree, by precedence climbing."""
from .nodes import Binary, Call, Name, Number, Unary
from .tokens import CalcError, tokenize

# How tight an operator binds.
PRECEDENCE = {"+": 1, "-": 1, "*": 2, "/": 2, "%": 2, "^": 4}
UNARY_PRECEDENCE = 3


class Parser:
    def __init__(self, text):
        self.tokens = list(tokenize(text))
        self.next = 0

    @property
    def token(self):
        return self.tokens[self.next]

    def take(self, kind=None):
        token = self.token
        if kind is not None and token.kind != kind:
            raise CalcError("%r expected at %d" % (kind, token.at))
        self.next += 1
        return token

    def expression(self, lowest=1):
        """Everything that binds at least as tight as `lowest`."""
        left = self.operand()
        while PRECEDENCE.get(self.token.kind, 0) >= lowest:
            operator = self.take().kind
            right = self.expression(PRECEDENCE[operator] + 1)
            left = Binary(operator, left, right)
        return left

    def operand(self):
        token = self.take()
        if token.kind == "number":
            return Number(token.text)
        if token.kind == "-":
            return Unary("-", self.expression(UNARY_PRECEDENCE))
        if token.kind == "(":
            inner = self.expression()
            self.take(")")
            return inner
        if token.kind == "name":
            if self.token.kind == "(":
                return Call(token.text, self.arguments())
            return Name(token.text)
        raise CalcError("an operand expected at %d" % token.at)

    def arguments(self):
        self.take("(")
        arguments = []
        while self.token.kind != ")":
            arguments.append(self.expression())
            if self.token.kind != ")":
                self.take(",")
        self.take(")")
        return arguments


def parse(text):
    """Return the tree of a whole text."""
    parser = Parser(text)
    tree = parser.expression()
    parser.take("end")
    return tree
