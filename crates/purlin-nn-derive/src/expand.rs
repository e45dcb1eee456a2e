//! From the struct to its implementation.

use crate::attributes::{StructOptions, is_skipped};
use proc_macro2::TokenStream;
use quote::quote;
use syn::spanned::Spanned;
use syn::{
    Data, DeriveInput, Error, Field, Fields, GenericParam, Generics, Ident, Path, Result, Type,
    TypeParamBound, WherePredicate, parse_quote,
};

pub(crate) fn expand(input: &DeriveInput) -> Result<TokenStream> {
    let fields = module_fields(input)?;
    let options = StructOptions::parse(&input.attrs)?;
    let nn = options.crate_path.unwrap_or_else(default_crate_path);
    let mut generics = input.generics.clone();
    let real: Type = match (real_parameter(&input.generics), options.real) {
        (Some(parameter), None) => parse_quote!(#parameter),
        (None, Some(real)) => real,
        (None, None) if fields.is_empty() => {
            generics.params.push(parse_quote!(__Real: #nn::Real));
            parse_quote!(__Real)
        }
        (None, None) => parse_quote!(f32),
        (Some(parameter), Some(real)) => {
            return Err(Error::new(
                real.span(),
                format!("derive(Module): the number type is already given by `{parameter}: Real`"),
            ));
        }
    };

    for parameter in module_parameters(&input.generics, &fields) {
        generics.make_where_clause().predicates.push(parse_quote!(#parameter: #nn::Module<#real>));
    }
    let (impl_generics, _, where_clause) = generics.split_for_impl();
    let (_, type_generics, _) = input.generics.split_for_impl();

    let ident = &input.ident;
    let kind = unraw(ident);
    let idents: Vec<&Ident> = fields.iter().filter_map(|field| field.ident.as_ref()).collect();
    let names: Vec<String> = idents.iter().map(|ident| unraw(ident)).collect();
    let types: Vec<&Type> = fields.iter().map(|field| &field.ty).collect();
    Ok(quote! {
        #[automatically_derived]
        impl #impl_generics #nn::Module<#real> for #ident #type_generics #where_clause {
            fn kind(&self) -> &'static str {
                #kind
            }

            fn walk(&self, path: &mut #nn::Path, visitor: &mut dyn #nn::Visitor<#real>) {
                visitor.enter(path.name(), self);
                #({
                    let mut path = path.child(#names);
                    <#types as #nn::Module<#real>>::walk(&self.#idents, &mut path, visitor);
                })*
            }

            fn walk_mut(&mut self, path: &mut #nn::Path, visitor: &mut dyn #nn::VisitorMut<#real>) {
                #({
                    let mut path = path.child(#names);
                    <#types as #nn::Module<#real>>::walk_mut(&mut self.#idents, &mut path, visitor);
                })*
            }
        }
    })
}

/// The fields that are modules.
fn module_fields(input: &DeriveInput) -> Result<Vec<&Field>> {
    let data = match &input.data {
        Data::Struct(data) => data,
        Data::Enum(data) => {
            return Err(Error::new(
                data.enum_token.span,
                "derive(Module): expected a struct, got an enum; wrap the variants in a struct or \
                 implement `Module` by hand, so that names do not depend on the variant",
            ));
        }
        Data::Union(data) => {
            return Err(Error::new(
                data.union_token.span,
                "derive(Module): expected a struct, got a union",
            ));
        }
    };
    match &data.fields {
        Fields::Unit => Ok(Vec::new()),
        Fields::Unnamed(fields) => Err(Error::new(
            fields.span(),
            "derive(Module): expected named fields, got a tuple struct; the names of fields become \
             the names of parameters",
        )),
        Fields::Named(fields) => {
            let mut modules = Vec::new();
            for field in &fields.named {
                if !is_skipped(&field.attrs)? {
                    modules.push(field);
                }
            }
            Ok(modules)
        }
    }
}

/// The type parameter bounded by `Real`, inline or in the where clause.
fn real_parameter(generics: &Generics) -> Option<&Ident> {
    let is_real = |bound: &TypeParamBound| match bound {
        TypeParamBound::Trait(bound) => {
            bound.path.segments.last().is_some_and(|segment| segment.ident == "Real")
        }
        _ => false,
    };
    let in_where = |ident: &Ident| {
        generics.where_clause.iter().flat_map(|clause| &clause.predicates).any(|predicate| {
            matches!(predicate, WherePredicate::Type(bounded)
                if is_ident(&bounded.bounded_ty, ident) && bounded.bounds.iter().any(is_real))
        })
    };
    generics
        .type_params()
        .find(|parameter| parameter.bounds.iter().any(is_real) || in_where(&parameter.ident))
        .map(|parameter| &parameter.ident)
}

/// Type parameters that are the type of a field: `inner: M` needs `M: Module<T>`.
fn module_parameters<'a>(generics: &'a Generics, fields: &[&Field]) -> Vec<&'a Ident> {
    generics
        .params
        .iter()
        .filter_map(|parameter| match parameter {
            GenericParam::Type(parameter) => Some(&parameter.ident),
            _ => None,
        })
        .filter(|ident| fields.iter().any(|field| is_or_holds(&field.ty, ident)))
        .collect()
}

/// `M` itself, or `Vec<M>`, `Option<M>`, `Box<M>`, `[M; N]`: the containers that are modules.
fn is_or_holds(ty: &Type, ident: &Ident) -> bool {
    match ty {
        Type::Array(array) => is_or_holds(&array.elem, ident),
        Type::Tuple(tuple) => tuple.elems.iter().any(|ty| is_or_holds(ty, ident)),
        Type::Path(path) => {
            if is_ident(ty, ident) {
                return true;
            }
            let Some(last) = path.path.segments.last() else { return false };
            let is_container = ["Vec", "Option", "Box"].iter().any(|name| last.ident == name);
            match &last.arguments {
                syn::PathArguments::AngleBracketed(arguments) if is_container => {
                    arguments.args.iter().any(|argument| match argument {
                        syn::GenericArgument::Type(ty) => is_or_holds(ty, ident),
                        _ => false,
                    })
                }
                _ => false,
            }
        }
        _ => false,
    }
}

fn is_ident(ty: &Type, ident: &Ident) -> bool {
    matches!(ty, Type::Path(path) if path.path.is_ident(ident))
}

fn unraw(ident: &Ident) -> String {
    let name = ident.to_string();
    name.strip_prefix("r#").map_or_else(|| name.clone(), str::to_owned)
}

/// Where `purlin-nn` is found: under its own name, or inside the facade `purlin` if the
/// manifest of the crate being compiled names only that one.
fn default_crate_path() -> Path {
    let manifest = std::env::var_os("CARGO_MANIFEST_DIR")
        .map(|dir| std::path::Path::new(&dir).join("Cargo.toml"))
        .and_then(|path| std::fs::read_to_string(path).ok())
        .unwrap_or_default();
    if has_only_the_facade(&manifest) {
        parse_quote!(::purlin::nn)
    } else {
        parse_quote!(::purlin_nn)
    }
}

/// Whether a manifest depends on `purlin` and nowhere mentions `purlin-nn`.
fn has_only_the_facade(manifest: &str) -> bool {
    let mut facade = false;
    for line in manifest.lines() {
        let line = line.split('#').next().unwrap_or_default();
        if line.contains("purlin-nn") || line.contains("purlin_nn") {
            return false;
        }
        let line = line.trim();
        let key = line.split(['=', '.', ' ']).next().unwrap_or_default();
        facade |= key.trim_matches('"') == "purlin";
        facade |= line.starts_with('[') && line.ends_with("dependencies.purlin]");
    }
    facade
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error_of(source: &str) -> String {
        expand(&syn::parse_str(source).unwrap()).unwrap_err().to_string()
    }

    fn output_of(source: &str) -> String {
        expand(&syn::parse_str(source).unwrap()).unwrap().to_string()
    }

    #[test]
    fn an_enum_is_refused_with_a_way_out() {
        assert_eq!(
            error_of("enum Head { A(Linear), B(Conv2d) }"),
            "derive(Module): expected a struct, got an enum; wrap the variants in a struct or \
             implement `Module` by hand, so that names do not depend on the variant"
        );
    }

    #[test]
    fn a_tuple_struct_and_a_union_are_refused() {
        assert_eq!(
            error_of("struct Pair(Linear, Linear);"),
            "derive(Module): expected named fields, got a tuple struct; the names of fields become \
             the names of parameters"
        );
        assert_eq!(
            error_of("union U { a: u32, b: f32 }"),
            "derive(Module): expected a struct, got a union"
        );
    }

    #[test]
    fn misplaced_and_unknown_attributes_are_refused() {
        assert_eq!(
            error_of("#[module(skip)] struct A { x: Linear }"),
            "derive(Module): `skip` belongs on a field"
        );
        assert_eq!(
            error_of("struct A { #[module(name = 3)] x: Linear }"),
            "derive(Module): expected `skip` on a field"
        );
        assert_eq!(
            error_of("#[module(float = f64)] struct A { x: Linear }"),
            "derive(Module): expected `real = <type>` or `crate = <path>` on a struct"
        );
        assert_eq!(
            error_of("#[module(real = f64)] struct A<T: Real> { x: Linear<T> }"),
            "derive(Module): the number type is already given by `T: Real`"
        );
    }

    #[test]
    fn the_number_type_is_the_real_parameter_or_f32_or_the_attribute() {
        for (source, real) in [
            ("struct A { x: Linear }", "< f32 > for A"),
            ("struct A { #[module(skip)] p: f64 }", "< __Real > for A"),
            ("struct A;", "< __Real > for A"),
            ("#[module(real = f64)] struct A { x: Linear<f64> }", "< f64 > for A"),
            ("struct A<S: Real> { x: Linear<S> }", "< S > for A < S >"),
            ("struct A<S> where S: purlin_core::Real { x: Linear<S> }", "< S > for A < S >"),
        ] {
            let output = output_of(source);
            assert!(output.contains(&format!("Module {real}")), "{source} gave {output}");
        }
    }

    #[test]
    fn parameters_that_are_fields_are_bounded_and_others_are_not() {
        let output = output_of(
            "struct A<T: Real, M, N, P> { inner: M, many: Vec<N>, #[module(skip)] p: P, l: Linear<T> }",
        );
        assert!(output.contains("M : :: purlin_nn :: Module < T >"), "{output}");
        assert!(output.contains("N : :: purlin_nn :: Module < T >"), "{output}");
        assert!(!output.contains("P : :: purlin_nn"), "{output}");
    }

    #[test]
    fn skipped_fields_are_not_walked_and_raw_names_lose_their_prefix() {
        let output = output_of("struct A { r#type: Linear, #[module(skip)] n: usize }");
        assert!(output.contains("path . child (\"type\")"), "{output}");
        assert!(!output.contains("usize"), "{output}");
    }

    #[test]
    fn the_facade_is_found_when_it_is_the_only_one_named() {
        for (manifest, expected) in [
            ("[dependencies]\npurlin = \"0.1\"\n", true),
            ("[dependencies]\npurlin.workspace = true\n", true),
            ("[dependencies.purlin]\nversion = \"0.1\"\n", true),
            ("[dependencies]\npurlin = \"0.1\"\npurlin-nn = \"0.1\"\n", false),
            ("[dependencies]\npurlin-nn = \"0.1\" # not purlin\n", false),
            ("[dependencies]\nserde = \"1\"\n", false),
            ("", false),
        ] {
            assert_eq!(has_only_the_facade(manifest), expected, "{manifest}");
        }
    }
}
