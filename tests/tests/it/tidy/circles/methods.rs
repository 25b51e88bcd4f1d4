//! Methods that one file gives a type and another one calls: a type whose `impl` blocks are spread over several files.
//!
//! Seen are calls on the value itself: `self.name(…)`, `Self::name(…)`, and `this.name(…)`, as closures call it. What is
//! called on a field or a variable is a method of another type, as far as this can tell.

use std::collections::{BTreeMap, BTreeSet};

use syn::{
    Expr, ExprMethodCall, ExprPath, ImplItem, Item, Type,
    visit::{self, Visit},
};

use super::modules::{Tree, is_test};

/// A type: the file that defines it, and its name.
type Owner = (String, String);

/// Which file calls a method that another one defines.
pub fn calls(tree: &Tree) -> Vec<(String, String)> {
    let mut defined: BTreeMap<Owner, BTreeMap<String, BTreeSet<String>>> = BTreeMap::new();
    let mut called = Vec::new();
    for (id, module) in tree.modules() {
        for item in &module.items {
            let Item::Impl(block) = item else { continue };
            let Type::Path(path) = &*block.self_ty else { continue };
            if is_test(&block.attrs) {
                continue;
            }
            let path: Vec<_> = path.path.segments.iter().map(|segment| segment.ident.to_string()).collect();
            let (Some(home), Some(name)) = (tree.resolve(id, &path), path.last()) else { continue };
            let owner = (home.to_owned(), name.clone());
            if block.trait_.is_none() {
                let methods = defined.entry(owner.clone()).or_default();
                for item in &block.items {
                    if let ImplItem::Fn(method) = item {
                        let files = methods.entry(method.sig.ident.to_string()).or_default();
                        files.insert(tree.file(id).to_owned());
                    }
                }
            }
            let mut calls = Calls::default();
            calls.visit_item_impl(block);
            called.push((owner, tree.file(id), calls.0));
        }
    }
    let mut all = Vec::new();
    for (owner, from, names) in called {
        let Some(methods) = defined.get(&owner) else { continue };
        let files = names.iter().filter_map(|name| methods.get(name)).flatten();
        all.extend(files.filter(|to| *to != from).map(|to| (from.to_owned(), to.clone())));
    }
    all
}

/// The names of the methods that an `impl` block calls on its own value.
#[derive(Default)]
struct Calls(BTreeSet<String>);

impl<'ast> Visit<'ast> for Calls {
    fn visit_impl_item(&mut self, item: &'ast ImplItem) {
        match item {
            ImplItem::Fn(method) if is_test(&method.attrs) => {}
            item => visit::visit_impl_item(self, item),
        }
    }

    fn visit_expr_method_call(&mut self, call: &'ast ExprMethodCall) {
        let own = match &*call.receiver {
            Expr::Path(receiver) => ["self", "this"].iter().any(|name| receiver.path.is_ident(name)),
            _ => false,
        };
        if own {
            self.0.insert(call.method.to_string());
        }
        visit::visit_expr_method_call(self, call);
    }

    fn visit_expr_path(&mut self, path: &'ast ExprPath) {
        let segments: Vec<_> = path.path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        if let [owner, name] = &segments[..]
            && owner == "Self"
        {
            self.0.insert(name.clone());
        }
        visit::visit_expr_path(self, path);
    }
}
