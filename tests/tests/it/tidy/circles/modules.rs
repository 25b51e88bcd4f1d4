//! The modules of a crate, each with its file and the names it defines or takes from elsewhere.

use std::collections::BTreeMap;

use syn::{Attribute, Item, UseTree, Visibility};

/// The modules of a crate; the first is its root.
pub struct Tree(Vec<Module>);

/// A module's place in the tree.
pub type Id = usize;

pub struct Module {
    file: String,
    parent: Option<Id>,
    children: BTreeMap<String, Id>,
    /// Everything else that has a name here: a function may be called like a child.
    names: BTreeMap<String, Name>,
    /// Paths of `use path::*`.
    globs: Vec<Vec<String>>,
    /// Its code, submodules aside.
    pub items: Vec<Item>,
}

/// What a name stands for in a module.
enum Name {
    /// Defined here.
    Item,
    /// Taken from elsewhere.
    Use(Vec<String>),
}

/// One path of a `use`.
pub struct Used {
    pub path: Vec<String>,
    /// The name it has here; none for a glob.
    pub name: Option<String>,
}

impl Tree {
    /// Reads a crate from its root file on. Modules of tests are left out.
    pub fn read<'a>(root: &str, text: &impl Fn(&str) -> Option<&'a str>) -> Self {
        let mut tree = Self(Vec::new());
        let directory = root.rsplit_once('/').map_or("", |(directory, _)| directory);
        tree.load(root, directory, None, text);
        tree
    }

    pub fn modules(&self) -> impl Iterator<Item = (Id, &Module)> {
        self.0.iter().enumerate()
    }

    /// The file of a module.
    pub fn file(&self, module: Id) -> &str {
        &self.0[module].file
    }

    /// Reads a file that is a module; its children lie in `directory`.
    fn load<'a>(
        &mut self,
        file: &str,
        directory: &str,
        parent: Option<Id>,
        text: &impl Fn(&str) -> Option<&'a str>,
    ) -> Id {
        let text_of_file = text(file).unwrap_or_else(|| panic!("{file} is missing"));
        let parsed = syn::parse_file(text_of_file).unwrap_or_else(|error| panic!("{file}: {error}"));
        self.add(file, directory, parent, parsed.items, text)
    }

    fn add<'a>(
        &mut self,
        file: &str,
        directory: &str,
        parent: Option<Id>,
        items: Vec<Item>,
        text: &impl Fn(&str) -> Option<&'a str>,
    ) -> Id {
        let id = self.0.len();
        let module = Module {
            file: file.to_owned(),
            parent,
            children: BTreeMap::new(),
            names: BTreeMap::new(),
            globs: Vec::new(),
            items: Vec::new(),
        };
        self.0.push(module);
        for item in items {
            let Item::Mod(child) = item else {
                self.name(id, &item);
                self.0[id].items.push(item);
                continue;
            };
            if is_test(&child.attrs) {
                continue;
            }
            let name = child.ident.to_string();
            let below = if directory.is_empty() { name.clone() } else { format!("{directory}/{name}") };
            let child = match child.content {
                Some((_, items)) => self.add(file, &below, Some(id), items, text),
                None => {
                    let beside = format!("{below}.rs");
                    let file = if text(&beside).is_some() { beside } else { format!("{below}/mod.rs") };
                    self.load(&file, &below, Some(id), text)
                }
            };
            self.0[id].children.insert(name, child);
        }
        id
    }

    /// Notes the names an item gives to its module.
    fn name(&mut self, id: Id, item: &Item) {
        let module = &mut self.0[id];
        let ident = match item {
            Item::Use(item) => {
                for Used { path, name } in used(&item.tree) {
                    match name {
                        Some(name) => drop(module.names.entry(name).or_insert(Name::Use(path))),
                        None => module.globs.push(path),
                    }
                }
                return;
            }
            Item::Const(item) => &item.ident,
            Item::Enum(item) => &item.ident,
            Item::Fn(item) => &item.sig.ident,
            Item::Static(item) => &item.ident,
            Item::Struct(item) => &item.ident,
            Item::Trait(item) => &item.ident,
            Item::TraitAlias(item) => &item.ident,
            Item::Type(item) => &item.ident,
            Item::Union(item) => &item.ident,
            _ => return,
        };
        module.names.insert(ident.to_string(), Name::Item);
    }

    /// The file in which the thing that a path names is defined; none when it is not of this crate, or is a module.
    pub fn resolve(&self, module: Id, path: &[String]) -> Option<&str> {
        match self.walk(module, path, 0)? {
            End::Module(_) => None,
            End::Defined(id) => Some(self.file(id)),
        }
    }

    /// Whether a name means a child of a module, and not another item of the same name.
    fn is_child(&self, module: Id, name: &str, goes_on: bool) -> bool {
        let module = &self.0[module];
        module.children.contains_key(name) && (goes_on || !module.names.contains_key(name))
    }

    fn walk(&self, from: Id, path: &[String], depth: usize) -> Option<End> {
        // Two modules may pass the names of each other on.
        if depth > 32 {
            return None;
        }
        let (mut at, mut first) = (from, true);
        for (place, segment) in path.iter().enumerate() {
            at = match segment.as_str() {
                "crate" => 0,
                "self" => at,
                "super" => self.0[at].parent?,
                // What has further names in it is the child.
                name if self.is_child(at, name, place + 1 < path.len()) => self.0[at].children[name],
                name => match self.0[at].names.get(name) {
                    Some(Name::Item) => return Some(End::Defined(at)),
                    // `use foo::foo` names the crate `foo`.
                    Some(Name::Use(path)) if path.first().is_some_and(|segment| segment == name) => {
                        return None;
                    }
                    Some(Name::Use(path)) => match self.walk(at, path, depth + 1)? {
                        End::Module(id) => id,
                        end @ End::Defined(_) => return Some(end),
                    },
                    None => {
                        let rest = &path[place..];
                        let passed_on = self.0[at].globs.iter().find_map(|glob| {
                            match self.walk(at, glob, depth + 1)? {
                                End::Module(id) if id != at => self.walk(id, rest, depth + 1),
                                _ => None,
                            }
                        });
                        // What no file spells out, such as a macro's work, is its module's.
                        return passed_on.or((!first && depth == 0).then_some(End::Defined(at)));
                    }
                },
            };
            first = false;
        }
        Some(End::Module(at))
    }
}

/// Where a path ends.
enum End {
    Module(Id),
    /// At something that is defined in a module.
    Defined(Id),
}

/// Whether something is there for tests only.
pub fn is_test(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg")
            && attribute.parse_args::<syn::Path>().is_ok_and(|path| path.is_ident("test"))
    })
}

/// Whether a `use` passes its names on.
pub fn is_passed_on(visibility: &Visibility) -> bool {
    !matches!(visibility, Visibility::Inherited)
}

/// The paths of a `use`.
pub fn used(tree: &UseTree) -> Vec<Used> {
    let mut all = Vec::new();
    spread(tree, &mut Vec::new(), &mut all);
    all
}

fn spread(tree: &UseTree, before: &mut Vec<String>, all: &mut Vec<Used>) {
    let path = |ident: &syn::Ident| {
        let mut path = before.clone();
        if ident != "self" || before.is_empty() {
            path.push(ident.to_string());
        }
        path
    };
    match tree {
        UseTree::Path(tree) => {
            before.push(tree.ident.to_string());
            spread(&tree.tree, before, all);
            before.pop();
        }
        UseTree::Name(tree) => {
            let path = path(&tree.ident);
            all.push(Used { name: path.last().cloned(), path });
        }
        UseTree::Rename(tree) => {
            all.push(Used { path: path(&tree.ident), name: Some(tree.rename.to_string()) });
        }
        UseTree::Glob(_) => all.push(Used { path: before.clone(), name: None }),
        UseTree::Group(tree) => tree.items.iter().for_each(|tree| spread(tree, before, all)),
    }
}
