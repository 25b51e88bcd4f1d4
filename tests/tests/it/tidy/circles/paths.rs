//! Every path that the code of a crate names, in the module that names it.

use proc_macro2::{TokenStream, TokenTree};
use syn::{
    Attribute, ImplItem, Item, ItemUse, LitStr, Macro, Path,
    visit::{self, Visit},
};

use super::modules::{Id, Tree, is_passed_on, is_test, used};

/// Every path of a crate, with the module that names it. A name that is only passed on is not among them.
pub fn all(tree: &Tree) -> Vec<(Id, Vec<String>)> {
    let mut all = Vec::new();
    for (id, module) in tree.modules() {
        let mut paths = Paths::default();
        module.items.iter().for_each(|item| paths.visit_item(item));
        all.extend(paths.0.into_iter().map(|path| (id, path)));
    }
    all
}

#[derive(Default)]
struct Paths(Vec<Vec<String>>);

impl<'ast> Visit<'ast> for Paths {
    fn visit_item(&mut self, item: &'ast Item) {
        if !is_test(attributes(item)) {
            visit::visit_item(self, item);
        }
    }

    fn visit_impl_item(&mut self, item: &'ast ImplItem) {
        let attributes = match item {
            ImplItem::Const(item) => &item.attrs[..],
            ImplItem::Fn(item) => &item.attrs,
            ImplItem::Type(item) => &item.attrs,
            _ => &[],
        };
        if !is_test(attributes) {
            visit::visit_impl_item(self, item);
        }
    }

    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        if is_passed_on(&item.vis) || item.leading_colon.is_some() {
            return;
        }
        // A glob names its module; what the module defines is needed, whatever of it.
        self.0.extend(used(&item.tree).into_iter().map(|used| match used.name {
            Some(_) => used.path,
            None => [used.path, vec!["*".to_owned()]].concat(),
        }));
    }

    fn visit_path(&mut self, path: &'ast Path) {
        // `::name` is another crate.
        if path.leading_colon.is_none() {
            self.0.push(path.segments.iter().map(|segment| segment.ident.to_string()).collect());
        }
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, call: &'ast Macro) {
        self.tokens(call.tokens.clone());
    }

    fn visit_item_macro(&mut self, call: &'ast syn::ItemMacro) {
        // A macro's own definition names what its callers give it.
        if call.ident.is_none() {
            self.tokens(call.mac.tokens.clone());
        }
    }

    fn visit_attribute(&mut self, attribute: &'ast Attribute) {
        // serde takes the paths of functions as text.
        if attribute.path().is_ident("serde")
            && let Ok(list) = attribute.meta.require_list()
        {
            let texts = list.tokens.clone().into_iter().filter_map(|token| syn::parse2(token.into()).ok());
            let paths = texts.filter_map(|text: LitStr| text.parse_with(Path::parse_mod_style).ok());
            paths.collect::<Vec<_>>().iter().for_each(|path| self.visit_path(path));
        }
    }
}

impl Paths {
    /// The paths between the tokens of a macro.
    fn tokens(&mut self, tokens: TokenStream) {
        let mut path: Vec<String> = Vec::new();
        let mut colons = 0;
        for token in tokens {
            match token {
                TokenTree::Ident(ident) => {
                    if colons != 2 {
                        self.0.push(std::mem::take(&mut path));
                    }
                    path.push(ident.to_string());
                    colons = 0;
                }
                TokenTree::Punct(punct) if punct.as_char() == ':' => colons += 1,
                TokenTree::Group(group) => {
                    self.0.push(std::mem::take(&mut path));
                    self.tokens(group.stream());
                }
                TokenTree::Punct(_) | TokenTree::Literal(_) => self.0.push(std::mem::take(&mut path)),
            }
        }
        self.0.push(path);
        self.0.retain(|path| !path.is_empty());
    }
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}
