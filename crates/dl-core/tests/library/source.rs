//! What the library's source offers, and what the cases call: read as Rust, never as text.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use syn::punctuated::Punctuated;
use syn::visit::{self, Visit};
use syn::{
    Expr, ExprCall, ExprPath, File, ImplItem, Item, ItemImpl, Lit, Macro, Token, Type, UseTree, Visibility,
};

/// The file at a path below the crate's folder.
pub(crate) fn parse(path: &str) -> File {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap();
    syn::parse_file(&text).unwrap_or_else(|e| panic!("{path}: {e}"))
}

/// The files of a folder below the crate's.
pub(crate) fn parse_all(folder: &str) -> Vec<File> {
    let entries = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.ends_with(".rs")).map(|name| parse(&format!("{folder}/{name}"))).collect()
}

/// The public names of a module: what it defines and what it exports. A form whose names this cannot tell,
/// such as `*`, is a mistake.
pub(crate) fn public_names(file: &File) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for item in &file.items {
        let (vis, name) = match item {
            Item::Use(item) if matches!(item.vis, Visibility::Public(_)) => {
                leaves(&item.tree, &mut names);
                continue;
            }
            Item::Use(_) | Item::Impl(_) => continue,
            Item::Mod(item) => (&item.vis, item.ident.to_string()),
            Item::Fn(item) => (&item.vis, item.sig.ident.to_string()),
            Item::Struct(item) => (&item.vis, item.ident.to_string()),
            Item::Enum(item) => (&item.vis, item.ident.to_string()),
            Item::Trait(item) => (&item.vis, item.ident.to_string()),
            Item::Type(item) => (&item.vis, item.ident.to_string()),
            Item::Const(item) => (&item.vis, item.ident.to_string()),
            Item::Static(item) => (&item.vis, item.ident.to_string()),
            _ => panic!("an item of a kind that the tests do not know, such as a macro"),
        };
        if matches!(vis, Visibility::Public(_)) {
            names.insert(name);
        }
    }
    names
}

fn leaves(tree: &UseTree, names: &mut BTreeSet<String>) {
    match tree {
        UseTree::Path(path) => leaves(&path.tree, names),
        UseTree::Group(group) => group.items.iter().for_each(|tree| leaves(tree, names)),
        UseTree::Name(name) => drop(names.insert(name.ident.to_string())),
        UseTree::Rename(name) => drop(names.insert(name.rename.to_string())),
        UseTree::Glob(_) => panic!("`*` hides what is exported"),
    }
}

/// The public methods of a type, and whether they borrow it, from all of its own `impl` blocks.
pub(crate) fn methods(files: &[File], name: &str) -> Vec<(String, Option<bool>)> {
    let items = files.iter().flat_map(|file| &file.items);
    let own = items.filter_map(|item| match item {
        Item::Impl(item) if item.trait_.is_none() && self_type(item).as_deref() == Some(name) => Some(item),
        _ => None,
    });
    let methods = own.flat_map(|item| &item.items).filter_map(|item| match item {
        ImplItem::Fn(f) if matches!(f.vis, Visibility::Public(_)) => Some(&f.sig),
        _ => None,
    });
    methods.map(|sig| (sig.ident.to_string(), sig.receiver().map(|r| r.reference.is_some()))).collect()
}

fn self_type(item: &ItemImpl) -> Option<String> {
    match &*item.self_ty {
        Type::Path(path) => path.path.segments.last().map(|segment| segment.ident.to_string()),
        _ => None,
    }
}

/// The names `f` for which there is a call like `case("f and what is special", … nn::f …)`.
pub(crate) fn called_by_cases(files: &[File]) -> BTreeSet<String> {
    let mut found = Calls::default();
    files.iter().for_each(|file| found.visit_file(file));
    found.0
}

#[derive(Default)]
struct Calls(BTreeSet<String>);

impl<'ast> Visit<'ast> for Calls {
    fn visit_expr_call(&mut self, call: &'ast ExprCall) {
        if let Some(Expr::Lit(first)) = call.args.first()
            && let Lit::Str(name) = &first.lit
        {
            let name = name.value();
            let name = name.split([' ', ',']).next().unwrap_or_default().to_owned();
            let mut uses = Uses { name: &name, found: false };
            call.args.iter().skip(1).for_each(|arg| uses.visit_expr(arg));
            if uses.found {
                self.0.insert(name);
            }
        }
        visit::visit_expr_call(self, call);
    }

    /// Cases stand in `vec![…]`.
    fn visit_macro(&mut self, of: &'ast Macro) {
        for expr in expressions(of) {
            let mut inside = Calls::default();
            inside.visit_expr(&expr);
            self.0.extend(inside.0);
        }
    }
}

/// The expressions between commas of a macro such as `vec!`; none of another.
fn expressions(of: &Macro) -> impl Iterator<Item = Expr> {
    let list = of.parse_body_with(Punctuated::<Expr, Token![,]>::parse_terminated);
    list.into_iter().flatten()
}

/// Whether there is a path `nn::name`, or one that goes on from there.
struct Uses<'n> {
    name: &'n str,
    found: bool,
}

impl<'ast> Visit<'ast> for Uses<'_> {
    fn visit_expr_path(&mut self, path: &'ast ExprPath) {
        let mut segments = path.path.segments.iter();
        let nn = segments.next().is_some_and(|s| s.ident == "nn");
        self.found |= nn && segments.next().is_some_and(|s| s.ident == self.name);
    }
}
