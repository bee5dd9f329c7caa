//! `#[derive(HotState)]`: a struct whose fields are saved and restored by name.

use crate::entry::entry_module;
use crate::errors::Errors;
use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::{Attribute, Data, DeriveInput, Fields, Ident, LitStr};

pub(crate) fn expand(item: TokenStream) -> TokenStream {
    match syn::parse2::<DeriveInput>(item).and_then(check) {
        Ok(model) => model.expand(),
        Err(error) => error.to_compile_error(),
    }
}

/// A struct that passed the checks.
struct Model {
    name: Ident,
    fields: Vec<Field>,
    held: bool,
    layout: String,
}

struct Field {
    name: Ident,
    aliases: Vec<String>,
    way: Way,
}

/// How a field gets from the old instance to the new one.
#[derive(PartialEq, Eq)]
enum Way {
    Copied,
    Whole,
    Not,
}

fn check(input: DeriveInput) -> syn::Result<Model> {
    let mut errors = Errors::default();
    for parameter in &input.generics.params {
        errors.at(
            parameter,
            "a type with parameters cannot be carried over: name a concrete type",
        );
    }
    let mut held = false;
    for attribute in input
        .attrs
        .iter()
        .filter(|attribute| attribute.path().is_ident("hot"))
    {
        let parsed = attribute.parse_nested_meta(|meta| {
            if meta.path.is_ident("held") {
                held = true;
                Ok(())
            } else {
                Err(meta.error("above a struct, `#[hot(..)]` takes `held`"))
            }
        });
        parsed.unwrap_or_else(|error| errors.add(error));
    }
    let mut fields = Vec::new();
    let mut layout = String::new();
    match &input.data {
        Data::Struct(data) => match &data.fields {
            Fields::Named(named) => {
                for field in &named.named {
                    let name = field.ident.clone().expect("a named field has a name");
                    layout.push_str(&format!("{name}: {}, ", field.ty.to_token_stream()));
                    fields.push(check_field(name, &field.attrs, &mut errors));
                }
            }
            Fields::Unit => {}
            Fields::Unnamed(unnamed) => {
                errors.at(
                    unnamed,
                    "`HotState` carries fields over by name; give these names",
                );
            }
        },
        Data::Enum(data) => {
            errors.at(
                data.enum_token,
                "`HotState` is derived for structs; make the enum a field of one",
            );
        }
        Data::Union(data) => {
            errors.at(
                data.union_token,
                "`HotState` is derived for structs; make the union a field of one",
            );
        }
    }
    errors.or(Model {
        name: input.ident,
        fields,
        held,
        layout,
    })
}

fn check_field(name: Ident, attributes: &[Attribute], errors: &mut Errors) -> Field {
    let mut field = Field {
        name,
        aliases: Vec::new(),
        way: Way::Copied,
    };
    for attribute in attributes
        .iter()
        .filter(|attribute| attribute.path().is_ident("hot"))
    {
        let parsed = attribute.parse_nested_meta(|meta| {
            if meta.path.is_ident("skip") {
                field.way = Way::Not;
            } else if meta.path.is_ident("hand_over") {
                field.way = Way::Whole;
            } else if meta.path.is_ident("alias") {
                field.aliases.push(meta.value()?.parse::<LitStr>()?.value());
            } else {
                return Err(meta.error(
                    "on a field, `#[hot(..)]` takes `skip`, `hand_over` and `alias = \"old name\"`",
                ));
            }
            Ok(())
        });
        parsed.unwrap_or_else(|error| errors.add(error));
    }
    if field.way != Way::Copied && !field.aliases.is_empty() {
        errors.at(
            &field.name,
            "an alias is of use only for a field that is saved as a copy",
        );
    }
    field
}

impl Model {
    fn expand(self) -> TokenStream {
        let name = &self.name;
        let of = |way: Way| self.fields.iter().filter(move |field| field.way == way);
        let save = of(Way::Copied).map(|Field { name, .. }| {
            let text = name.to_string();
            quote!(state.save(#text, &self.#name);)
        });
        let restore_copied = of(Way::Copied).map(|Field { name, aliases, .. }| {
            let text = name.to_string();
            quote! {
                if let ::core::option::Option::Some(value) = state.restore_any(&[#text #(, #aliases)*]) {
                    self.#name = value;
                }
            }
        });
        let hand_over = of(Way::Whole).map(|Field { name, .. }| {
            let text = name.to_string();
            quote!(state.hand_over(#text, ::core::mem::take(&mut self.#name));)
        });
        let restore_whole = of(Way::Whole).map(|Field { name, .. }| {
            let text = name.to_string();
            quote! {
                if let ::core::option::Option::Some(value) = state.take(#text) {
                    self.#name = value;
                }
            }
        });
        let held = self.held.then(|| self.held_type());
        // Saved as copies, and so in need of what only the feature `state` brings.
        let template = match of(Way::Copied).next() {
            Some(_) => quote!(__hot_state),
            None => quote!(__hot_item),
        };
        quote! {
            ::hot_abi::#template! {
                {
                    #[allow(unused_variables)]
                    impl ::hot_abi::HotState for #name {
                        fn save(&self, state: &mut ::hot_abi::SavedState) {
                            #(#save)*
                        }
                        fn hand_over(&mut self, state: &mut ::hot_abi::SavedState) {
                            #(#hand_over)*
                        }
                        fn restore(&mut self, state: &mut ::hot_abi::SavedState) {
                            #(#restore_copied)*
                            #(#restore_whole)*
                        }
                    }
                }
                {
                    impl ::hot_abi::HotState for #name {}
                }
            }
            #held
        }
    }

    fn held_type(&self) -> TokenStream {
        let (name, layout, module) = (&self.name, &self.layout, entry_module());
        let text = name.to_string();
        quote! {
            ::hot_abi::__hot_item! {
                {
                    const _: () = {
                        use ::hot_abi::private as __hot;

                        // For the comparison of layouts: it leads to the types of all fields.
                        static __HOT_LAYOUT: __hot::ItemLayout<
                            { __hot::path_hash(::core::concat!("held ", ::core::module_path!(), "::", #text)) },
                            #name,
                        > = __hot::ItemLayout::unmarked();

                        #[allow(unsafe_code)] // the section that the linker gathers
                        #[__hot::linkme::distributed_slice(crate::#module::HELD)]
                        #[linkme(crate = ::hot_abi::private::linkme)]
                        static __HOT_ENTRY: __hot::HeldEntry = __hot::HeldEntry {
                            path: ::core::concat!(::core::module_path!(), "::", #text),
                            layout: #layout,
                            key: __hot::TypeKey::of::<#name>,
                            mark: &__HOT_LAYOUT.mark,
                            krate: &crate::#module::CRATE,
                            make: || {
                                __hot::contain(|| {
                                    __hot::RawValue::new(<#name as ::core::default::Default>::default())
                                })
                            },
                            save: __hot::RawValue::save_as::<#name>,
                            restore: __hot::RawValue::restore_as::<#name>,
                        };

                        impl ::hot_abi::HeldType for #name {
                            fn entry() -> &'static __hot::HeldEntry {
                                &__HOT_ENTRY
                            }
                        }
                    };
                }
                {
                    impl ::hot_abi::HeldType for #name {}
                }
            }
        }
    }
}
