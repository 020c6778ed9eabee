from __future__ import annotations

import pytest

from discorank.errors import InvalidInput
from discorank.hub.spec import Spec, did_you_mean


def test_parts_and_canonical_form() -> None:
    spec = Spec.parse("onnx:a/b:c.onnx?size=32&name=short&output=pool/AvgPool:0")

    assert (spec.scheme, spec.name, spec.alias) == ("onnx", "a/b:c.onnx", "short")
    assert spec.options == (("output", "pool/AvgPool:0"), ("size", "32"))
    assert str(spec) == "onnx:a/b:c.onnx?output=pool/AvgPool:0&size=32&name=short"
    assert Spec.parse(str(spec)) == spec


def test_order_of_options_and_alias_make_no_other_model() -> None:
    one = Spec.parse("timm:x?seed=1&pretrained=false")
    other = Spec.parse("timm:x?pretrained=false&name=control&seed=1")

    assert one == other
    assert hash(one) == hash(other)
    assert (one.label, other.label) == ("timm:x?pretrained=false&seed=1", "control")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("resnet50", "write it as scheme:name"),
        (":resnet50", "write it as scheme:name"),
        ("timm:", "write it as scheme:name"),
        ("timm:x?", "'' must be written as key=value"),
        ("timm:x?seed", "'seed' must be written as key=value"),
        ("timm:x?seed=", "'seed=' must be written as key=value"),
        ("timm:x?seed=1&seed=2", "'seed' is given twice"),
    ],
)
def test_malformed(text: str, reason: str) -> None:
    with pytest.raises(InvalidInput, match=reason) as raised:
        Spec.parse(text)
    assert repr(text) in str(raised.value)


def test_unknown_option_is_refused_by_name() -> None:
    spec = Spec.parse("timm:x?chekpoint=f")

    with pytest.raises(InvalidInput, match="no option 'chekpoint'; did you mean checkpoint"):
        spec.require_known({"checkpoint", "seed"})
    with pytest.raises(InvalidInput, match="the options are boxes, name, output"):
        spec.require_known({"output"})
    spec.require_known({"chekpoint"})


def test_option_values() -> None:
    spec = Spec.parse("a:b?flag=False&n=3&numbers=1,0.5,-2&kind=x")

    assert spec.flag("flag", default=True) is False
    assert spec.flag("absent", default=True) is True
    assert spec.integer("n", minimum=0) == 3
    assert spec.integer("absent", minimum=0) is None
    assert spec.numbers("numbers") == (1.0, 0.5, -2.0)
    assert spec.numbers("absent") is None
    assert spec.choice("kind", ("x", "y")) == "x"
    assert spec.choice("absent", ("x", "y")) is None


def test_option_values_of_the_wrong_kind() -> None:
    spec = Spec.parse("a:b?v=x")

    with pytest.raises(InvalidInput, match="v must be true or false, got 'x'"):
        spec.flag("v", default=True)
    with pytest.raises(InvalidInput, match="v must be a whole number of at least 2, got 'x'"):
        spec.integer("v", minimum=2)
    with pytest.raises(InvalidInput, match="v must be numbers with commas between them"):
        spec.numbers("v")
    with pytest.raises(InvalidInput, match="v must be one of y, z, got 'x'"):
        spec.choice("v", ("y", "z"))
    with pytest.raises(InvalidInput, match="at least 2"):
        Spec.parse("a:b?v=1").integer("v", minimum=2)


def test_suggestions() -> None:
    assert did_you_mean("resnet5", ["resnet50", "vgg16"]) == "; did you mean resnet50?"
    assert did_you_mean("zzz", ["resnet50", "vgg16"]) == ""
