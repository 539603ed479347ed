//! The order of the rooms, read from the sources: no room uses one to its right, and the parts of a folder do not import
//! each other in a circle.
//!
//! The order is the chain of links in the documentation of `src/lib.rs`. Imports and inline paths count, those of tests do
//! not. A name that a `mod.rs` re-exports belongs to the file that defines it. The types and constants that a `mod.rs` defines
//! itself are the vocabulary of its folder: every file in the folder may use them, so a use of them is no part of a circle. A
//! use of its functions is. Without that exemption each rule that returns the `Verdict` of its folder's `mod.rs` would be in a
//! circle with it, since that file asks the rules; a file for the types alone would hide them from a reader of the folder.
//! Methods of one type are its vocabulary as well, whichever file has them: calls of methods are not followed.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// A module's path from the crate's root: `["tls", "flow"]`.
type Name = Vec<String>;

#[test]
fn no_room_uses_one_to_its_right() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let order = order_of(&fs::read_to_string(source.join("lib.rs")).expect("src/lib.rs"));
    assert_eq!(Tree::read(&source, &["bin", "tests"]).uses_to_the_right(&order), [""; 0]);
}

#[test]
fn no_files_import_each_other_in_a_circle() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    assert_eq!(Tree::read(&source, &["bin", "tests"]).circles(), [""; 0]);
    assert_eq!(Tree::read(&source.join("bin/ssmscope"), &[]).circles(), [""; 0]);
}

#[test]
fn every_way_of_naming_another_file_is_one_that_is_read() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    assert_eq!(Tree::read(&source, &["bin", "tests"]).unread(), [""; 0]);
    assert_eq!(Tree::read(&source.join("bin/ssmscope"), &[]).unread(), [""; 0]);
}

/// A path and one more part after it.
fn below(path: &[String], part: &str) -> Name {
    path.iter().cloned().chain([part.to_owned()]).collect()
}

/// The modules of one crate.
#[derive(Default)]
struct Tree {
    modules: BTreeMap<Name, Module>,
}

/// What a module's file names, its tests left out.
#[derive(Default)]
struct Module {
    /// Absolute paths of everything that it imports or names inline.
    uses: Vec<Name>,
    /// The names that its imports bring in, with the paths that they mean. Files below may use them.
    imports: BTreeMap<String, Name>,
    /// What it re-exports and does not use itself, among its uses.
    re_exports: BTreeSet<Name>,
    /// Modules below that are compiled for tests only.
    tests: BTreeSet<String>,
    /// Ways of naming another file that are not followed here.
    unread: BTreeSet<&'static str>,
}

impl Tree {
    /// Reads every source file below `root`, but for those below the folders `left_out`.
    fn read(root: &Path, left_out: &[&str]) -> Self {
        let mut tree = Self::default();
        tree.read_folder(root, &Name::new(), left_out);
        tree.resolved()
    }

    /// A made tree: files by their paths below `src`.
    fn of(files: &[(&str, &str)]) -> Self {
        let mut tree = Self::default();
        for (path, text) in files {
            tree.add(path.split('/').map(str::to_owned).collect(), text);
        }
        tree.resolved()
    }

    fn read_folder(&mut self, folder: &Path, name: &Name, left_out: &[&str]) {
        for entry in fs::read_dir(folder).expect("a folder").flatten() {
            let path = entry.path();
            let file = entry.file_name().to_string_lossy().into_owned();
            let inner = below(name, &file);
            if path.is_dir() && !left_out.contains(&file.as_str()) {
                self.read_folder(&path, &inner, &[]);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                self.add(inner, &fs::read_to_string(&path).expect("UTF-8"));
            }
        }
    }

    fn add(&mut self, mut path: Name, text: &str) {
        let file = path.pop().unwrap_or_default();
        match file.as_str() {
            "lib.rs" | "main.rs" | "mod.rs" => {}
            _ => path.push(file.trim_end_matches(".rs").to_owned()),
        }
        self.modules.insert(path, Module::parse(text));
    }

    /// Turns the paths of all modules into absolute ones, and leaves test modules out.
    fn resolved(mut self) -> Self {
        let tests: Vec<Name> = self
            .modules
            .iter()
            .flat_map(|(name, module)| module.tests.iter().map(|test| below(name, test)))
            .collect();
        self.modules.retain(|name, _| !tests.iter().any(|test| name.starts_with(test)));
        let names: BTreeSet<Name> = self.modules.keys().cloned().collect();
        for (name, module) in &mut self.modules {
            let uses = std::mem::take(&mut module.uses);
            module.uses = uses.iter().filter_map(|path| absolute(name, path, &names)).collect();
            let re_exports = std::mem::take(&mut module.re_exports);
            module.re_exports = re_exports.iter().filter_map(|path| absolute(name, path, &names)).collect();
            let imports = std::mem::take(&mut module.imports);
            module.imports = imports
                .into_iter()
                .filter_map(|(bound, path)| Some((bound, absolute(name, &path, &names)?)))
                .collect();
        }
        self
    }

    /// The module that defines what an absolute path names, as far as modules go, and the name of that there.
    fn definition(&self, path: &[String], depth: usize) -> (Name, Option<String>) {
        let mut place = Name::new();
        for (index, segment) in path.iter().enumerate() {
            let inner = below(&place, segment);
            if self.modules.contains_key(&inner) {
                place = inner;
                continue;
            }
            let import = self.modules.get(&place).and_then(|module| module.imports.get(segment));
            if let Some(import) = import.filter(|_| depth < 8) {
                let rest = path.get(index + 1..).unwrap_or_default();
                return self.definition(&[import.as_slice(), rest].concat(), depth + 1);
            }
            return (place, Some(segment.clone()));
        }
        (place, None)
    }

    /// Each use of another module: the user and the used.
    fn edges(&self) -> impl Iterator<Item = (&Name, Name)> {
        self.modules.iter().flat_map(move |(name, module)| {
            module.uses.iter().map(move |path| (name, self.definition(path, 0).0))
        })
    }

    /// Each use of a function of a folder's own `mod.rs` by a file in the folder, and each use of a file
    /// in the folder by that `mod.rs`, but for re-exports: the folder, and the part of it.
    fn door_edges(&self) -> impl Iterator<Item = (Name, String, bool)> {
        let is_function = |item: &str| item.starts_with(char::is_lowercase);
        self.modules.iter().flat_map(move |(name, module)| {
            let of = move |path: &Name| {
                let (place, item) = self.definition(path, 0);
                if let Some([part]) = place.strip_prefix(name.as_slice()).and_then(|rest| rest.get(..1)) {
                    return (!module.re_exports.contains(path)).then(|| (name.clone(), part.clone(), true));
                }
                let part = name.strip_prefix(place.as_slice())?.first()?;
                item.is_some_and(|item| is_function(&item)).then(|| (place.clone(), part.clone(), false))
            };
            module.uses.iter().filter_map(of)
        })
    }

    fn uses_to_the_right(&self, order: &[String]) -> Vec<String> {
        let place = |room: &str| order.iter().position(|known| known == room);
        let mut faults = BTreeSet::new();
        for (from, to) in self.edges() {
            let (Some(room), Some(used)) = (from.first(), to.first()) else { continue };
            match (place(room), place(used)) {
                (Some(room), Some(used)) if used <= room => {}
                (Some(_), Some(_)) => {
                    faults.insert(format!(
                        "{} uses {}, which is to its right",
                        from.join("::"),
                        to.join("::")
                    ));
                }
                (None, _) => {
                    faults.insert(format!("{room} has no place in the order of src/lib.rs"));
                }
                (_, None) => {
                    faults.insert(format!("{used} has no place in the order of src/lib.rs"));
                }
            }
        }
        faults.into_iter().collect()
    }

    /// The files that name others in a way that is not followed here, each with that way.
    fn unread(&self) -> Vec<String> {
        let ways = |(name, module): (&Name, &Module)| {
            let file = name.join("::");
            module.unread.iter().map(move |way| format!("{file} has {way}")).collect::<Vec<_>>()
        };
        self.modules.iter().flat_map(ways).collect()
    }

    /// The circles among the files and folders of each folder, each reported once.
    fn circles(&self) -> Vec<String> {
        let mut parts: BTreeMap<Name, BTreeMap<String, BTreeSet<String>>> = BTreeMap::new();
        for (from, to) in self.edges() {
            let common = from.iter().zip(&to).take_while(|(one, other)| one == other).count();
            if let (Some(one), Some(other)) = (from.get(common), to.get(common)) {
                let folder = from.get(..common).unwrap_or_default().to_vec();
                parts.entry(folder).or_default().entry(one.clone()).or_default().insert(other.clone());
            }
        }
        for (folder, part, is_used_by_door) in self.door_edges() {
            const DOOR: &str = "mod";
            let (from, to) = if is_used_by_door { (DOOR, part.as_str()) } else { (part.as_str(), DOOR) };
            parts.entry(folder).or_default().entry(from.to_owned()).or_default().insert(to.to_owned());
        }
        let mut circles = BTreeSet::new();
        // Whole rooms are checked by their order.
        for (folder, uses) in parts.iter().filter(|(folder, _)| self.is_within_room(folder)) {
            for start in uses.keys() {
                if let Some(circle) = circle_from(start, uses) {
                    circles.insert(format!("{}: {}", folder.join("::"), circle.join(" -> ")));
                }
            }
        }
        circles.into_iter().collect()
    }

    fn is_within_room(&self, folder: &Name) -> bool {
        // The command's files are at its root.
        let is_library = self.modules.contains_key(&vec!["packet".to_owned()]);
        !(is_library && folder.is_empty())
    }
}

/// The shortest way from a part back to itself, if `start` is the first of it by name.
fn circle_from(start: &str, uses: &BTreeMap<String, BTreeSet<String>>) -> Option<Vec<String>> {
    let mut ways = vec![vec![start.to_owned()]];
    let mut seen = BTreeSet::new();
    while !ways.is_empty() {
        let mut longer = Vec::new();
        for way in &ways {
            for next in way.last().and_then(|last| uses.get(last)).into_iter().flatten() {
                if next == start {
                    return Some(below(way, next));
                }
                // A circle is found from its first part.
                if next.as_str() > start && seen.insert(next.clone()) {
                    longer.push(below(way, next));
                }
            }
        }
        ways = longer;
    }
    None
}

/// A path as it is written in the module `name`, from the crate's root; `None` for another crate's.
fn absolute(name: &[String], path: &[String], names: &BTreeSet<Name>) -> Option<Name> {
    let (first, rest) = path.split_first()?;
    let inner = below(name, first);
    match first.as_str() {
        "crate" => Some(rest.to_vec()),
        "self" => Some([name, rest].concat()),
        "super" => {
            let ups = path.iter().take_while(|segment| *segment == "super").count();
            let kept = name.get(..name.len().checked_sub(ups)?)?;
            Some([kept, path.get(ups..)?].concat())
        }
        _ if names.contains(&inner) => Some([name, path].concat()),
        _ => None,
    }
}

/// The rooms in the order in which `src/lib.rs` links them: from the first link that an arrow follows to the last one that
/// an arrow precedes.
fn order_of(lib: &str) -> Vec<String> {
    let docs: Vec<&str> = lib.lines().map_while(|line| line.strip_prefix("//!")).map(str::trim).collect();
    let docs = docs.join(" ");
    let mut order = Vec::new();
    for chain in docs.split("  ") {
        if chain.contains('→') {
            let links = chain.split("[`").skip(1).filter_map(|link| link.split_once("`]"));
            order.extend(links.map(|(room, _)| room.to_owned()));
        }
    }
    order
}

impl Module {
    #[expect(clippy::too_many_lines, reason = "an arm for each kind of word")]
    fn parse(text: &str) -> Self {
        let mut module = Self::default();
        let words = words(text);
        let mut at = 0;
        // Words outside imports.
        let mut mentioned = BTreeSet::new();
        while let Some(word) = words.get(at) {
            match word.as_str() {
                "#" if starts(&words, at, "# [ cfg ( test ) ]") => {
                    let end = item_end(&words, at + 7);
                    let item = words.get(at + 7..end).unwrap_or_default();
                    if let (Some(place), Some(";")) =
                        (item.iter().position(|word| word == "mod"), item.last().map(String::as_str))
                    {
                        module.tests.extend(item.get(place + 1).cloned());
                    }
                    at = end;
                }
                "pub" if starts(&words, at, "pub ( ") => {
                    at += words
                        .get(at..)
                        .and_then(|rest| rest.iter().position(|word| word == ")"))
                        .unwrap_or(1);
                }
                "#" if starts(&words, at, "# [ path") => {
                    module.unread.insert("a file's path");
                    at += 1;
                }
                "mod" if words.get(at + 2).is_some_and(|open| open == "{") => {
                    module.unread.insert("a module within the file");
                    at += 1;
                }
                "$" if starts(&words, at, "$ crate") => {
                    module.unread.insert("a macro's crate");
                    at += 1;
                }
                "mod" => at += 2,
                // What a type captures.
                "use" if words.get(at + 1).is_some_and(|next| next == "<") => at += 1,
                "use" => {
                    let end = words
                        .iter()
                        .skip(at)
                        .position(|word| word == ";")
                        .map_or(words.len(), |len| at + len);
                    let before = module.uses.len();
                    module.read_use(&Name::new(), words.get(at + 1..end).unwrap_or_default());
                    let precedes = at.checked_sub(1).and_then(|at| words.get(at)).map(String::as_str);
                    if matches!(precedes, Some("pub" | ")")) {
                        module.re_exports.extend(module.uses.iter().skip(before).cloned());
                    }
                    at = end;
                }
                "crate" | "super" | "self" if words.get(at + 1).is_some_and(|next| next == "::") => {
                    let mut path = vec![word.clone()];
                    while let (Some("::"), Some(next)) =
                        (words.get(at + 1).map(String::as_str), words.get(at + 2))
                    {
                        path.push(next.clone());
                        at += 2;
                    }
                    module.uses.push(path);
                    at += 1;
                }
                _ => {
                    mentioned.insert(word.as_str());
                    // A module below, where there is one of this name.
                    if let (Some("::"), Some(next)) =
                        (words.get(at + 1).map(String::as_str), words.get(at + 2))
                    {
                        module.uses.push(vec![word.clone(), next.clone()]);
                    }
                    at += 1;
                }
            }
        }
        let bound = |path: &Name| {
            module.imports.iter().find(|(_, import)| *import == path).map(|(bound, _)| bound.as_str())
        };
        let unused = |path: &Name| !bound(path).is_some_and(|bound| mentioned.contains(bound));
        module.re_exports = module.re_exports.iter().filter(|path| unused(path)).cloned().collect();
        module
    }

    /// A tree of imports after a prefix.
    fn read_use(&mut self, prefix: &Name, words: &[String]) {
        let mut depth = 0;
        let parts = words.split(|word| {
            depth += i32::from(word == "{") - i32::from(word == "}");
            depth == 0 && word == ","
        });
        for part in parts.filter(|part| !part.is_empty()) {
            if let Some(open) = part.iter().position(|word| word == "{") {
                let head = part.get(..open).unwrap_or_default().iter().filter(|word| *word != "::");
                let inner: Name = prefix.iter().chain(head).cloned().collect();
                self.read_use(&inner, part.get(open + 1..part.len() - 1).unwrap_or_default());
                continue;
            }
            let (path, alias) = match part.iter().position(|word| word == "as") {
                Some(place) => (part.get(..place).unwrap_or_default(), part.get(place + 1)),
                None => (part, None),
            };
            let is_glob = path.last().is_some_and(|last| last == "*");
            let is_root =
                matches!(prefix.iter().chain(path).map(String::as_str).collect::<Vec<_>>()[..], ["crate"]);
            if is_glob || is_root {
                self.unread.insert("an import of everything");
            }
            let own = path.iter().filter(|word| !matches!(word.as_str(), "::" | "*"));
            let mut whole: Name = prefix.iter().chain(own).cloned().collect();
            if whole.len() > 1 && whole.last().is_some_and(|last| last == "self") {
                whole.pop();
            }
            if let Some(bound) = alias.or(whole.last()) {
                self.imports.insert(bound.clone(), whole.clone());
            }
            self.uses.push(whole);
        }
    }
}

fn starts(words: &[String], at: usize, wanted: &str) -> bool {
    let words = words.iter().skip(at);
    wanted
        .split_whitespace()
        .zip(words.map(Some).chain(std::iter::repeat(None)))
        .all(|(wanted, word)| word.is_some_and(|word| word == wanted))
}

/// Where the item ends that begins at `at`: after its semicolon or its block.
fn item_end(words: &[String], at: usize) -> usize {
    let mut depth = 0;
    for (index, word) in words.iter().enumerate().skip(at) {
        match word.as_str() {
            "{" | "(" | "[" => depth += 1,
            "}" | ")" | "]" => {
                depth -= 1;
                if depth == 0 && word == "}" {
                    return index + 1;
                }
            }
            ";" if depth == 0 => return index + 1,
            _ => {}
        }
    }
    words.len()
}

/// The words and signs of a source text, without comments, strings and characters.
fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let letters: Vec<char> = text.chars().collect();
    let is_word = |letter: char| letter.is_alphanumeric() || letter == '_';
    let at = |index: usize| letters.get(index).copied().unwrap_or('\0');
    let mut index = 0;
    while index < letters.len() {
        let rest = letters.get(index..).unwrap_or_default();
        let skipped = match rest {
            ['/', '/', ..] => rest.iter().position(|letter| *letter == '\n').unwrap_or(rest.len()),
            ['/', '*', ..] => {
                rest.windows(2).skip(2).position(|pair| pair == ['*', '/']).map_or(rest.len(), |len| len + 4)
            }
            ['r', '#' | '"', ..] if !(index > 0 && is_word(at(index - 1))) && raw_len(rest) > 0 => {
                raw_len(rest)
            }
            ['"', ..] => string_len(rest),
            ['\'', '\\', ..] => 3 + rest.iter().skip(3).position(|letter| *letter == '\'').unwrap_or(0) + 1,
            ['\'', _, '\'', ..] => 3,
            [':', ':', ..] => {
                words.push("::".to_owned());
                2
            }
            [letter, ..] if is_word(*letter) => {
                let word: String = rest.iter().take_while(|letter| is_word(**letter)).collect();
                let len = word.chars().count();
                words.push(word);
                len
            }
            [letter, ..] => {
                if !letter.is_whitespace() {
                    words.push(letter.to_string());
                }
                1
            }
            [] => break,
        };
        index += skipped.max(1);
    }
    words
}

/// Letters of the string literal that begins here.
fn string_len(rest: &[char]) -> usize {
    let mut index = 1;
    while let Some(letter) = rest.get(index) {
        match letter {
            '\\' => index += 2,
            '"' => return index + 1,
            _ => index += 1,
        }
    }
    rest.len()
}

/// Letters of the raw string literal that begins here; none where it is another thing.
fn raw_len(rest: &[char]) -> usize {
    let marks = rest.iter().skip(1).take_while(|letter| **letter == '#').count();
    if rest.get(1 + marks) != Some(&'"') {
        return 0;
    }
    let end: Vec<char> = std::iter::once('"').chain(std::iter::repeat_n('#', marks)).collect();
    let body = rest.get(2 + marks..).unwrap_or_default();
    let len = body.windows(end.len()).position(|window| window == end).unwrap_or(body.len());
    2 + marks + len + end.len()
}

mod of_the_checker {
    use super::*;

    const LIB: &str = "//! What it is.\n//!\n//! [`packet`] →\n//! [`tcp`] → [`tls`].\n//!\n//! See [`other`].\npub mod tls;";

    fn rights(files: &[(&str, &str)]) -> Vec<String> {
        Tree::of(files).uses_to_the_right(&order_of(LIB))
    }

    fn circles(files: &[(&str, &str)]) -> Vec<String> {
        let doors = [("packet/mod.rs", ""), ("tls/mod.rs", "")];
        let doors = doors.iter().filter(|(door, _)| !files.iter().any(|(file, _)| file == door));
        Tree::of(&doors.chain(files).copied().collect::<Vec<_>>()).circles()
    }

    #[test]
    fn the_order_is_the_chain_of_links() {
        assert_eq!(order_of(LIB), ["packet", "tcp", "tls"]);
    }

    #[test]
    fn a_use_to_the_right_is_found_in_imports_and_inline_paths() {
        for text in [
            "use crate::tls::Event;",
            "use crate::{packet::Seq, tls::{self, Event}};",
            "fn f() -> crate::tls::Event {}",
        ] {
            let found = rights(&[("tcp/mod.rs", text), ("tls/mod.rs", ""), ("packet/mod.rs", "")]);
            assert_eq!(found, ["tcp uses tls, which is to its right"], "{text}");
        }
        assert_eq!(rights(&[("tls/mod.rs", "use crate::tcp::Role;"), ("tcp/mod.rs", "")]), [""; 0]);
    }

    #[test]
    fn what_is_not_followed_is_found() {
        for (text, way) in [
            ("use crate::tls::*;", "an import of everything"),
            ("use crate as root;", "an import of everything"),
            ("use {super::a::*};", "an import of everything"),
            ("#[path = \"../tls/flow.rs\"] mod flow;", "a file's path"),
            ("mod inner { use super::super::tls::A; }", "a module within the file"),
            ("macro_rules! a { () => { $crate::tls::A } }", "a macro's crate"),
        ] {
            assert_eq!(Tree::of(&[("tcp/mod.rs", text)]).unread(), [format!("tcp has {way}")], "{text}");
        }
        let text =
            "fn f<'a>() -> impl Sized + use<'a> { mod_of(1) } #[cfg(test)] mod tests { use super::*; }";
        assert_eq!(Tree::of(&[("tcp/mod.rs", text)]).unread(), [""; 0]);
    }

    #[test]
    fn a_room_without_a_place_is_found() {
        let found = rights(&[("attic.rs", "use crate::tcp::Role;"), ("tcp/mod.rs", "")]);
        assert_eq!(found, ["attic has no place in the order of src/lib.rs"]);
    }

    #[test]
    fn tests_comments_and_strings_do_not_count() {
        let text = "// use crate::tls::A;\n/* crate::tls */ const A: &str = \"crate::tls::A\"; const B: &str = r#\"crate::tls\"#;\n\
            const C: char = '\"'; #[cfg(test)] use crate::tls::B; #[cfg(test)] mod made;\n\
            #[cfg(test)]\nmod tests { use crate::tls::C; fn f() { crate::tls::d() } }";
        let files = [("tcp/mod.rs", text), ("tcp/made.rs", "use crate::tls::A;"), ("tls/mod.rs", "")];
        assert_eq!(rights(&files), [""; 0]);
    }

    #[test]
    fn a_circle_of_two_and_of_three_is_found_once() {
        let two = [("tls/a.rs", "use super::b::B;"), ("tls/b.rs", "use crate::tls::a::A;")];
        assert_eq!(circles(&two), ["tls: a -> b -> a"]);
        let three = [
            ("tls/a.rs", "use super::c;"),
            ("tls/b.rs", "use super::a::A;"),
            ("tls/c.rs", "fn f() { super::b::g() }"),
        ];
        assert_eq!(circles(&three), ["tls: a -> c -> b -> a"]);
    }

    #[test]
    fn a_re_exported_name_belongs_to_the_file_that_defines_it() {
        let files = [
            ("tls/mod.rs", "mod a; mod b; pub use a::A; pub(super) use self::b::B as C;"),
            ("tls/a.rs", "use super::C;"),
            ("tls/b.rs", "use super::A;"),
        ];
        assert_eq!(circles(&files), ["tls: a -> b -> a"]);
    }

    #[test]
    fn what_a_door_defines_makes_no_circle() {
        let files = [("tls/mod.rs", "mod a; use a::A; pub struct Event;"), ("tls/a.rs", "use super::Event;")];
        assert_eq!(circles(&files), [""; 0]);
    }

    #[test]
    fn a_door_that_calls_a_file_which_calls_it_back_makes_a_circle() {
        let door = |text: &'static str| [("tls/mod.rs", text), ("tls/a.rs", "fn read() { super::help() }")];
        for text in [
            "mod a; fn help() {} fn read() { a::read() }",
            "mod a; use a::read; fn help() {}",
            "mod a; pub use a::read; fn help() { read() }",
        ] {
            assert_eq!(circles(&door(text)), ["tls: a -> mod -> a"], "{text}");
        }
        assert_eq!(circles(&door("mod a; pub use a::read; fn help() {}")), [""; 0]);
    }

    #[test]
    fn a_file_and_a_folder_next_to_it_form_a_circle() {
        let files = [
            ("tls/event.rs", "use super::lengths::Size;"),
            ("tls/lengths/mod.rs", "mod sizes; pub use sizes::Size;"),
            ("tls/lengths/sizes.rs", "use crate::tls::event::Event;"),
        ];
        assert_eq!(circles(&files), ["tls: event -> lengths -> event"]);
    }
}
