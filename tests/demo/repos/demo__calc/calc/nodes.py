"""What the parser makes: nodes that can be evaluated and printed."""


class Node:
    def __repr__(self):
        return "<%s %s>" % (type(self).__name__, self)


class Number(Node):
    def __init__(self, text):
        self.text = text
        self.value = float(text) if "." in text else int(text)

    def __str__(self):
        return self.text


class Name(Node):
    def __init__(self, name):
        self.name = name

    def __str__(self):
        return self.name


class Unary(Node):
    def __init__(self, operator, operand):
        self.operator = operator
        self.operand = operand

    def __str__(self):
        return "(%s%s)" % (self.operator, self.operand)


class Binary(Node):
    def __init__(self, operator, left, right):
        self.operator = operator
        self.left = left
        self.right = right

    def __str__(self):
        return "(%s %s %s)" % (self.left, self.operator, self.right)


class Call(Node):
    def __init__(self, name, arguments):
        self.name = name
        self.arguments = arguments

    def __str__(self):
        return "%s(%s)" % (self.name, ", ".join(str(a) for a in self.arguments))
