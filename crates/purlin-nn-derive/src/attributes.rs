//! Reading `#[module(..)]`.

use syn::spanned::Spanned;
use syn::{Attribute, Error, Path, Result, Type};

/// What `#[module(..)]` on the struct says.
#[derive(Default)]
pub(crate) struct StructOptions {
    pub(crate) real: Option<Type>,
    pub(crate) crate_path: Option<Path>,
}

impl StructOptions {
    pub(crate) fn parse(attributes: &[Attribute]) -> Result<Self> {
        let mut options = Self::default();
        for attribute in attributes.iter().filter(|a| a.path().is_ident("module")) {
            attribute.parse_nested_meta(|meta| {
                if meta.path.is_ident("real") {
                    options.real = Some(meta.value()?.parse()?);
                } else if meta.path.is_ident("crate") {
                    options.crate_path = Some(meta.value()?.call(Path::parse_mod_style)?);
                } else if meta.path.is_ident("skip") {
                    return Err(meta.error("derive(Module): `skip` belongs on a field"));
                } else {
                    return Err(meta.error(
                        "derive(Module): expected `real = <type>` or `crate = <path>` on a struct",
                    ));
                }
                Ok(())
            })?;
        }
        Ok(options)
    }
}

/// Whether a field carries `#[module(skip)]`.
pub(crate) fn is_skipped(attributes: &[Attribute]) -> Result<bool> {
    let mut skip = false;
    for attribute in attributes.iter().filter(|a| a.path().is_ident("module")) {
        attribute.parse_nested_meta(|meta| {
            if meta.path.is_ident("skip") {
                skip = true;
                Ok(())
            } else {
                Err(meta.error("derive(Module): expected `skip` on a field"))
            }
        })?;
        if matches!(attribute.meta, syn::Meta::Path(_)) {
            return Err(Error::new(
                attribute.span(),
                "derive(Module): expected `#[module(skip)]`, got `#[module]`",
            ));
        }
    }
    Ok(skip)
}
