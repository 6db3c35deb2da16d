//! Users and groups of a `userlist` section (manual chapter 12.1) as data. Checking a password is `expr`'s business.

/// A `userlist` section.
#[derive(Debug, Default)]
pub struct Userlist {
    /// As in the file.
    pub name: String,
    /// Users in order.
    pub users: Vec<User>,
    /// Groups in order.
    pub groups: Vec<Group>,
}

/// One user.
#[derive(Debug)]
pub struct User {
    /// Login name.
    pub name: String,
    /// What the password is compared with.
    pub password: Password,
    /// Indexes into the list's groups, from both `groups` and the groups' own `users`.
    pub groups: Vec<usize>,
}

/// A password in the file.
#[derive(Debug)]
pub enum Password {
    /// `insecure-password`.
    Plain(String),
    /// `password`: a crypt(3) hash.
    Crypt(String),
    /// No password: never matches.
    None,
}

/// One group.
#[derive(Debug)]
pub struct Group {
    /// Name.
    pub name: String,
}
