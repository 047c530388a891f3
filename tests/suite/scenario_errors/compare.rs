//! `[compare]` and its variants.

use super::{DESTINATION, LOAD, complaint, one};

#[test]
fn a_comparison_needs_two_named_variants_and_pairs() {
    let said = |more: &str| complaint(&format!("{LOAD}{DESTINATION}{more}"));
    let one_variant = said("[compare]\npairs = 0\n[[compare.variant]]\nname = \"a\"\n");
    assert!(one_variant.contains("at least two variants are needed"), "{one_variant}");
    assert!(one_variant.contains("0 is out of range"), "{one_variant}");
    let twice = "[[compare.variant]]\nname = \"a\"\n".repeat(2);
    let twice = said(&format!("[compare]\npairs = 1\n{twice}"));
    assert!(twice.contains("variant `a` is defined twice"), "{twice}");
}

/// A variant's own keys are shown as its own.
#[test]
fn a_mistake_in_a_variant_is_shown_in_the_variant() {
    let variants = "[compare]\n[[compare.variant]]\nname = \"a\"\n[[compare.variant]]\n\
                    name = \"b\"\nset = { \"target.delivery.ordering\" = \"lifo\" }\n";
    let said = complaint(&format!("{LOAD}{DESTINATION}{variants}"));
    assert!(said.contains("--> [[compare.variant]] b:1:"), "{said}");
    assert!(said.contains("`lifo` is not known here"), "{said}");
    let margin = "[compare]\nmargin = \"500%\"\n[[compare.variant]]\nname = \"a\"\n\
                  [[compare.variant]]\nname = \"b\"\n";
    one(
        &format!("{LOAD}{DESTINATION}{margin}"),
        ("\"500%\"", "a margin is a share from 0 to 1", "5%"),
    );
}
