//! Users by name, as the system knows them.
//!
//! A static binary reads the files themselves: the C library would load plug-ins for them, which have to be of its own
//! version, and which need not be there.

use std::fs;
use std::io;

use nix::errno::Errno;
use nix::unistd::{Gid, Uid, User, getgrouplist};

const PASSWD: &str = "/etc/passwd";
const GROUP: &str = "/etc/group";

/// A user and the groups that it belongs to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Account {
    /// How it is called.
    pub name: String,
    /// Its user id.
    pub user: Uid,
    /// Its primary group.
    pub group: Gid,
    /// All of its groups.
    pub groups: Vec<Gid>,
}

impl Account {
    /// The user of this name, if there is one.
    ///
    /// # Errors
    /// When the system's own table of users can't be read.
    pub fn named(name: &str) -> io::Result<Option<Self>> {
        if cfg!(target_feature = "crt-static") {
            return Ok(of_tables(name, &table(PASSWD)?, &table(GROUP)?));
        }
        let user = match User::from_name(name) {
            Ok(Some(user)) => user,
            // getpwnam(3): how a system without a table says that the name was not found.
            Ok(None) | Err(Errno::ENOENT) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let bytes = std::ffi::CString::new(user.name.as_bytes())?;
        let groups = getgrouplist(&bytes, user.gid)?;
        Ok(Some(Self { name: user.name, user: user.uid, group: user.gid, groups }))
    }

    /// The one that stands for nobody where no user has a name: Linux's ids for who has no other
    /// (`/proc/sys/kernel/overflowuid`).
    pub fn nobody() -> Self {
        const NOBODY: u32 = 65_534;
        let group = Gid::from_raw(NOBODY);
        Self { name: NOBODY.to_string(), user: Uid::from_raw(NOBODY), group, groups: vec![group] }
    }
}

/// A table; one that is missing has no lines.
fn table(path: &str) -> io::Result<String> {
    match fs::read(path) {
        Ok(bytes) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(String::new()),
        Err(error) => Err(error),
    }
}

/// By the lines of passwd(5), `name:password:uid:gid:...`, and of group(5), `name:password:gid:member,member`.
fn of_tables(name: &str, passwd: &str, group: &str) -> Option<Account> {
    let mut lines = passwd.lines().map(|line| line.split(':').collect::<Vec<_>>());
    let line = lines.find(|fields| fields.first() == Some(&name))?;
    let id = |text: Option<&&str>| text.and_then(|text| text.parse::<u32>().ok());
    let (user, primary) = (id(line.get(2))?, id(line.get(3))?);
    let mut groups = vec![Gid::from_raw(primary)];
    for line in group.lines() {
        let fields: Vec<_> = line.split(':').collect();
        let is_member = fields.get(3).is_some_and(|members| members.split(',').any(|member| member == name));
        if let (true, Some(group)) = (is_member, id(fields.get(2)).map(Gid::from_raw))
            && !groups.contains(&group)
        {
            groups.push(group);
        }
    }
    Some(Account { name: name.to_owned(), user: Uid::from_raw(user), group: Gid::from_raw(primary), groups })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_name_a_user_and_its_groups() {
        let passwd = "root:x:0:0:root:/root:/bin/sh\n\ncapture:x:101:102::/:/bin/false\nbroken:x:1\n";
        let group = "root:x:0:\ncapture:x:102:\npcap:x:200:other,capture\nbad:x:y:capture\nshort:x\n";
        let account = of_tables("capture", passwd, group).unwrap();
        assert_eq!((account.user, account.group), (Uid::from_raw(101), Gid::from_raw(102)));
        assert_eq!(account.groups, [102, 200].map(Gid::from_raw));
        for name in ["broken", "nobody", ""] {
            assert_eq!(of_tables(name, passwd, group), None, "{name}");
        }
    }

    #[test]
    fn the_tables_say_what_the_system_says() {
        let by_tables = of_tables("root", &table(PASSWD).unwrap(), &table(GROUP).unwrap()).unwrap();
        let by_system = Account::named("root").unwrap().unwrap();
        assert_eq!((by_tables.user, by_tables.group), (by_system.user, by_system.group));
    }
}
