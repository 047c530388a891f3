"""Builds all mutants of the pure core into one program, each behind a switch.

`cargo mutants` says what the mutants are, but builds the crate anew for each of them. Here every
mutant becomes a branch, `if crate::on(7) { mutated } else { original }`, and the environment
variable MUTANT chooses the one that is active, so that a mutant costs one run of the tests. What
cannot be a branch (an operator in a constant) is left to `cargo mutants` itself.

This file writes the branches; `run` has them built and tested.
"""

import re

import tree_sitter
import tree_sitter_rust

PARSER = tree_sitter.Parser(tree_sitter.Language(tree_sitter_rust.language()))

SWITCH = re.compile(rb"crate::on\((\d+)\)$")

ARM = re.compile(rb" if !crate::on\((\d+)\)")

# A nested expression is written out once for each branch; beyond this size a mutant gets none.
LONGEST_EXPRESSION = 40_000


# An opaque type of which a mutant's value can be another one.
ITERATOR = re.compile(r"^-> impl (DoubleEnded|ExactSize)?Iterator<Item = [^+]*>( \+ ('\w+|use<.*>))*$")


def is_opaque(mutant):
    """Whether a function's return type has no name, so that the mutant's value is of another one."""
    returned = mutant["function"]["return_type"]
    return "impl " in returned and not ITERATOR.match(returned)


class Source:
    """A source file with its mutants by the place of what they change, in bytes."""

    def __init__(self, path):
        self.text = path.read_bytes()
        self.lines = [0]
        for line in self.text.split(b"\n"):
            self.lines.append(self.lines[-1] + len(line) + 1)
        self.at = {}
        self.done = set()

    def place(self, point):
        """The byte offset of a line and column, both from 1; columns are characters."""
        start = self.lines[point["line"] - 1]
        line = self.text[start : self.lines[point["line"]]].decode()
        return start + len(line[: point["column"] - 1].encode())

    def add(self, number, mutant):
        genre = mutant["genre"]
        start = self.place(mutant["span"]["start"])
        self.at.setdefault((genre, start), []).append((number, mutant["replacement"]))

    def take(self, genre, start):
        return self.at.get((genre, start), [])

    def switched(self):
        return self.render(PARSER.parse(self.text).root_node)

    def raw(self, node):
        return self.text[node.start_byte : node.end_byte]

    def render(self, node):
        special = {
            "binary_expression": self.operator,
            "compound_assignment_expr": self.operator,
            "unary_expression": self.unary,
            "match_arm": self.arm,
            "function_item": self.function,
            "field_initializer": self.field,
            "shorthand_field_initializer": self.field,
        }.get(node.type)
        return special(node) if special else self.children(node)

    def children(self, node, inside=None):
        """The text of a node, each child rendered by `inside`, or as it is by itself."""
        if not node.children:
            return self.raw(node)
        pieces, end = [], node.start_byte
        for child in node.children:
            pieces.append(self.text[end : child.start_byte])
            pieces.append((inside and inside(child)) or self.render(child))
            end = child.end_byte
        pieces.append(self.text[end : node.end_byte])
        return b"".join(pieces)

    def branches(self, mutants, mutated, original):
        """An expression that is the original, or what `mutated` makes of a replacement."""
        text = b""
        for number, replacement in mutants:
            text += b"if crate::on(%d) { %s } else " % (number, mutated(replacement.encode()))
            self.done.add(number)
        return b"(%s{ %s })" % (text, original)

    def operator(self, node):
        sign = node.child_by_field_name("operator")
        mutants = self.take("BinaryOperator", sign.start_byte)
        mutants = mutants or self.take("BinaryOperatorAssignment", sign.start_byte)
        if not mutants or node.child_by_field_name("left") is None:
            return self.children(node)
        left = self.render(node.child_by_field_name("left"))
        right = self.render(node.child_by_field_name("right"))
        if len(left) + len(right) > LONGEST_EXPRESSION:
            return self.children(node)
        form = lambda sign: b"%s %s %s" % (left, sign, right)
        return self.branches(mutants, form, form(self.raw(sign)))

    def unary(self, node):
        mutants = self.take("UnaryOperator", node.start_byte)
        inner = self.render(node.children[-1])
        sign = self.text[node.start_byte : node.children[-1].start_byte]
        if not mutants:
            return sign + inner
        return self.branches(mutants, lambda _: inner, sign + inner)

    def arm(self, node):
        pattern = node.child_by_field_name("pattern")
        guard = pattern.child_by_field_name("condition")
        deleted = self.take("MatchArm", node.start_byte)
        conditions = []
        for number, _ in deleted:
            conditions.append(b"!crate::on(%d)" % number)
            self.done.add(number)
        if guard is not None:
            replaced = self.take("MatchArmGuard", guard.start_byte)
            condition = self.render(guard)
            if replaced:
                condition = self.branches(replaced, lambda value: value, condition)
            conditions.append(condition if len(conditions) == 0 else b"(%s)" % condition)
        if not conditions:
            return self.children(node)
        end = guard.prev_sibling.start_byte if guard is not None else pattern.end_byte
        written = self.text[pattern.start_byte : end].rstrip()
        written += b" if " + b" && ".join(conditions)
        return self.children(node, lambda child: written if child == pattern else None)

    def function(self, node):
        body = node.child_by_field_name("body")
        if body is None or len(body.children) < 3:
            return self.children(node)
        first = next(child for child in body.children[1:])
        mutants = self.take("FnValue", first.start_byte)
        returned = node.child_by_field_name("return_type")
        if mutants and returned is not None and self.raw(returned).startswith(b"impl "):
            return self.children(node, lambda it: self.either(body, mutants) if it == body else None)
        entry = b""
        for number, value in mutants:
            entry += b" if crate::on(%d) { return %s; }" % (number, value.encode())
            self.done.add(number)
        brace = body.children[0]
        inside = lambda part: b"{" + entry if part == brace else None
        return self.children(
            node, lambda child: self.children(child, inside) if child == body else None
        )

    def either(self, body, mutants):
        """The body of a function that returns some iterator: a mutant's, or its own."""
        entry = before = after = b""
        for number, value in mutants:
            mutant = b"%scrate::Either::Mutant(%s)%s" % (before, value.encode(), after)
            entry += b" if crate::on(%d) { return %s; }" % (number, mutant)
            self.done.add(number)
            before, after = before + b"crate::Either::Own(", after + b")"
        return b"{%s %s%s%s }" % (entry, before, self.children(body), after)

    def field(self, node):
        mutants = self.take("StructField", node.start_byte)
        rest = [child for child in node.parent.children if child.type == "base_field_initializer"]
        if not mutants or not rest:
            return self.children(node)
        name = self.raw(node.child_by_field_name("field") or node.children[0])
        value = node.child_by_field_name("value")
        value = self.render(value) if value is not None else name
        base = self.raw(rest[0]).lstrip(b".").strip()
        left_out = lambda _: b"(%s).%s" % (base, name)
        return name + b": " + self.branches(mutants, left_out, value)


def switched(plain, mutants, excluded):
    """The files with their branches, by path, and the numbers of the mutants that have one.

    `mutants` are those of `cargo mutants --list --json`; their numbers count from 1. `excluded`
    holds the numbers that get no branch.
    """
    sources = {}
    for number, mutant in enumerate(mutants, 1):
        source = sources.setdefault(mutant["file"], None) or Source(plain / mutant["file"])
        sources[mutant["file"]] = source
        if number not in excluded:
            source.add(number, mutant)
    texts = {file: source.switched() for file, source in sources.items()}
    return texts, set().union(*(source.done for source in sources.values()))


def culprits(text, start, end):
    """The mutants to blame for an error at these bytes of a switched file."""
    node = PARSER.parse(text).root_node.descendant_for_byte_range(start, end)
    nearest, arms = None, []
    while node is not None:
        condition = node.child_by_field_name("condition")
        found = condition and SWITCH.match(text[condition.start_byte : condition.end_byte])
        if found:
            number = int(found.group(1))
            branch = node.child_by_field_name("consequence")
            within = branch is not None and branch.start_byte <= start < branch.end_byte
            if within or condition.start_byte <= start < condition.end_byte:
                return [number]
            nearest = nearest or number
        if node.type == "match_expression" and not arms:
            # Arms that can be deleted do not count towards exhaustivity.
            arms = [int(it) for it in ARM.findall(text[node.start_byte : node.end_byte])]
        node = node.parent
    return arms if nearest is None else [nearest]
