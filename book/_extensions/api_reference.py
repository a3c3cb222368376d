"""The API reference, written from the docstrings without importing anything.

Docstrings are Markdown with Google-style sections (`Args:`, `Returns:`, …).
"""

import ast
import inspect
import pprint
import re

# Rooms of the package in the order of the page: path, title, what is in it.
# A module that is not listed gets a section of its own at the end.
ROOMS = [
    ("layers", "Layers", "The parts of the model, one public layer a file."),
    ("models", "Models", "Whole models and the table of variants."),
    ("augmentation", "Augmentation", "Recipes made of Keras's own layers."),
    ("data", "Data", "Data sets by name, folders of images, photographs."),
    ("profiles", "Profiles", "One switch for the effort of every chapter."),
    ("training", "Training", "Compile, fit, keep the best, resume."),
    ("results", "Recorded runs", "What was measured, and trained weights."),
    ("inspection", "Inspection", "What the model computes inside, as arrays."),
    ("checkpoints", "Checkpoints", "The authors' weights in our models."),
    ("export", "Export", "The model for use outside Keras."),
    ("plots", "Plots", "Every kind of figure: arrays in, axes out."),
    ("widgets", "Explorers", "Interactive figures that need no kernel."),
]
SECTION = re.compile(
    r"^(Args|Call arguments|Attributes|Returns|Yields|Raises|Examples?"
    r"|References?|Notes?):[ ]*$",
    re.MULTILINE,
)
TITLES = {"Args": "Arguments"}
ENTRIES = {"Args", "Call arguments", "Attributes", "Raises"}
# Called by Keras; the class's own docstring is the contract.
KERAS_METHODS = {"build", "call", "get_config", "compute_output_shape"}
LONGEST_VALUE = 600


def render(root):
    """The whole reference as MyST Markdown."""
    modules = read_modules(root / "cct_utils")
    listed = {room for room, *_ in ROOMS}
    found = {name.split(".")[1] for name in modules if "." in name}
    rooms = ROOMS + [
        (room, room.replace("_", " ").capitalize(), "")
        for room in sorted(found - listed)
        if not room.startswith("_")
    ]
    top = exports(modules, "cct_utils")
    parts = []
    for room, title, summary in rooms:
        objects = exports(modules, f"cct_utils.{room}")
        entries = {}
        for name, (path, node) in sorted(objects.items(), key=order):
            full = f"cct_utils.{name if name in top else f'{room}.{name}'}"
            if entry := render_entry(full, path, node):
                entries[f"{{py:obj}}`{name} <{full}>`"] = entry
        if entries:
            names = " · ".join(entries)
            body = "\n\n".join(entries.values())
            parts.append(f"## {title}\n\n{summary}\n\n{names}\n\n{body}")
    return "\n\n".join(parts)


def read_modules(package):
    """All modules: dotted name -> (path from the root, syntax tree)."""
    modules = {}
    for path in sorted(package.rglob("*.py")):
        path = path.relative_to(package.parent)
        name = ".".join(path.with_suffix("").parts).removesuffix(".__init__")
        source = (package.parent / path).read_text("utf-8")
        modules[name] = path, ast.parse(source)
    return modules


def exports(modules, module, above=()):
    """The public names of a module: name -> (path, defining node)."""
    if module not in modules or module in above:
        return {}
    path, tree = modules[module]
    is_package = path.name == "__init__.py"
    names, public = {}, None
    for node in tree.body:
        if isinstance(node, (ast.ClassDef, ast.FunctionDef)):
            names[node.name] = path, node
        elif isinstance(node, (ast.Assign, ast.AnnAssign)):
            target = getattr(node, "target", None) or node.targets[0]
            if getattr(target, "id", "") == "__all__":
                public = listed_names(node.value)
            elif getattr(target, "id", "").isupper():
                names[target.id] = path, node
        elif isinstance(node, ast.ImportFrom) and is_package:
            known = exports(modules, node.module, (*above, module))
            for alias in node.names:
                if alias.name == "*":
                    names |= known
                elif alias.name in known:
                    names[alias.name] = known[alias.name]
    return {
        name: found
        for name, found in names.items()
        if not name.startswith("_") and (public is None or name in public)
    }


def listed_names(value):
    """The names in an `__all__`; None (all) if it is joined from others."""
    if any(isinstance(part, ast.Starred) for part in ast.walk(value)):
        return None
    return set(ast.literal_eval(value))


def order(item):
    """Classes, then functions, then constants, each as in its file."""
    _, (path, node) = item
    kinds = (ast.ClassDef, ast.FunctionDef)
    kind = next((i for i, k in enumerate(kinds) if isinstance(node, k)), 2)
    return kind, path.as_posix(), node.lineno


def render_entry(full, path, node):
    """One object as a directive of Sphinx's Python domain."""
    if isinstance(node, ast.ClassDef):
        kind, text = "py:class", ast.get_docstring(node)
        signature = class_signature(node)
    elif isinstance(node, ast.FunctionDef):
        kind, text = "py:function", ast.get_docstring(node)
        signature = function_signature(node)
    else:
        kind, signature = "py:data", ""
        text = constant_text(node)
    if not text:
        return None
    body = [render_docstring(text)]
    if isinstance(node, ast.ClassDef):
        body += [render_method(method) for method in own_methods(node)]
    body.append(f"{{.api-source}}\n`{path.as_posix()}`")
    body = "\n\n".join(body)
    return f":::::{{{kind}}} {full}{signature}\n{body}\n:::::"


def class_signature(node):
    """The constructor's arguments, or the fields of a named tuple."""
    for child in node.body:
        if isinstance(child, ast.FunctionDef) and child.name == "__init__":
            return function_signature(child, drop_self=True)
    fields = [
        child.target.id
        + (f"={ast.unparse(child.value)}" if child.value else "")
        for child in node.body
        if isinstance(child, ast.AnnAssign)
    ]
    return f"({', '.join(fields)})" if fields else ""


def function_signature(node, drop_self=False):
    """The arguments without annotations, as written."""
    arguments = ast.parse(ast.unparse(node)).body[0].args
    for argument in ast.walk(arguments):
        if isinstance(argument, ast.arg):
            argument.annotation = None
    if drop_self:
        arguments.args = arguments.args[1:]
    return f"({ast.unparse(arguments)})"


def own_methods(node):
    """Documented methods that a reader calls."""
    return [
        child
        for child in node.body
        if isinstance(child, ast.FunctionDef)
        and not child.name.startswith("_")
        and child.name not in KERAS_METHODS
        and ast.get_docstring(child)
    ]


def render_method(node):
    """One method or property inside its class."""
    text = render_docstring(ast.get_docstring(node))
    decorators = {ast.unparse(item) for item in node.decorator_list}
    if "property" in decorators:
        return f"::::{{py:property}} {node.name}\n{text}\n::::"
    drop_self = "staticmethod" not in decorators
    signature = function_signature(node, drop_self)
    return f"::::{{py:method}} {node.name}{signature}\n{text}\n::::"


def constant_text(node):
    """A constant's value as code, unless it is long or computed."""
    value = ast.unparse(node.value)
    if len(value) > LONGEST_VALUE:
        return ""
    try:
        value = pprint.pformat(ast.literal_eval(value), sort_dicts=False)
    except ValueError:
        return ""
    return f"```python\n{value}\n```"


def render_docstring(text):
    """Google-style sections as definition lists, the rest as Markdown."""
    head, *pairs = SECTION.split(text)
    parts = [clean(head.strip())]
    for title, body in zip(pairs[::2], pairs[1::2], strict=True):
        body = inspect.cleandoc("\n" + body.strip("\n"))
        if title in ENTRIES:
            body = definition_list(body)
        elif title.startswith("Example"):
            kind = "pycon" if ">>>" in body else "python"
            body = body if "```" in body else f"```{kind}\n{body}\n```"
        else:
            body = clean(body)
        parts.append(f"{{.api-heading}}\n{TITLES.get(title, title)}\n\n{body}")
    return "\n\n".join(parts)


def definition_list(body):
    """`name: meaning` lines, continued by indentation, as definitions."""
    entries = []
    for line in body.splitlines():
        start = re.match(r"([*\w][^:`]*|`[^`]+`): ?(.*)", line)
        if start and not line.startswith(" "):
            entries.append([start[1].strip("`"), start[2]])
        elif entries and line.strip():
            entries[-1][1] += " " + line.strip()
    return "\n\n".join(
        f"`{name}`\n: {clean(text) or name}" for name, text in entries
    )


def clean(text):
    """Make links of bare addresses and arXiv numbers, outside code."""
    pieces = re.split(r"(```.*?```|`[^`]*`)", text, flags=re.DOTALL)
    for i in range(0, len(pieces), 2):
        piece = pieces[i].replace("$", r"\$")
        piece = re.sub(r"(?<![<(\w])(https?://[^\s)>,]+[\w/])", r"<\1>", piece)
        pieces[i] = re.sub(
            r"arXiv[: ](\d{4}\.\d{5})",
            r"[arXiv \1](https://arxiv.org/abs/\1)",
            piece,
        )
    return "".join(pieces)
