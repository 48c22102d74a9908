//! What the operating system says, whichever part of the server asked.

use super::Condition;

const NOT_DATA: &str = "The answer to the call that the text names; the content of the files has no part in it.";

conditions! {
    list SYSTEM;

    /// `not a directory`: a file stands where a directory has to be.
    pub static NOT_A_DIRECTORY: Condition = Condition {
        name: "not a directory",
        says: &["not a directory"],
        engine: None,
        title: "a file stands where a directory has to be",
        meaning: "The path in the text leads through something that is not a directory: a file with the name of `snap`, `fsm-snap`, \
                  `wal` or `fsm.db`, or a wrong path on the command line.",
        decided_by: "The kind of the entry with that name.",
        safe: "See what the file is before it is moved out of the way: it may be an archive of the directory.",
        not_safe: "Do not delete it unseen.",
        more: "ekv-tool inspect DIR",
    };

    /// `is not a regular file`: a name of the log or the store belongs to a socket, a pipe or a device.
    pub static NOT_A_FILE: Condition = Condition {
        name: "is not a regular file",
        says: &["is not a regular file"],
        engine: None,
        title: "something that is no file has the name of one",
        meaning: "A socket, a pipe or a device carries the name of a file that the server reads.",
        decided_by: "The kind of the entry with that name.",
        safe: "Find out who made it, then move it out of the directory.",
        not_safe: "Do not start the server on it: reading a pipe does not end.",
        more: "ekv-tool inspect DIR",
    };

    /// `no space left on device`: the volume, or its quota, is full.
    pub static NO_SPACE: Condition = Condition {
        name: "no space left on device",
        says: &["no space left on device", "disk quota exceeded", "enospc"],
        engine: None,
        title: "the volume, or its quota, is full",
        meaning: "A write failed. The log and the store are written so that a failed write at their end is a crash state: what was \
                  acknowledged is there. Inodes can run out while bytes are left.",
        decided_by: NOT_DATA,
        safe: "Free space outside the data directory first (old copies, other logs), or enlarge the volume; then forecast the start.",
        not_safe: "Do not delete segments, payloads or tables to make room: none of them is spare.",
        more: "ekv-tool gate-dryrun DIR",
    };

    /// `permission denied`: the server's user may not do what it tried.
    pub static PERMISSION_DENIED: Condition = Condition {
        name: "permission denied",
        says: &["permission denied", "operation not permitted"],
        engine: None,
        title: "the server's user may not read or write a file",
        meaning: "Files that were put back or touched by root belong to root. The server takes some unreadable files for damaged \
                  ones and renames them.",
        decided_by: "Owner and mode of the path in the text, and of the directories above it.",
        safe: "Give the whole data directory to the user of the service before the next start.",
        not_safe: "Do not run the server as root to get past it: it leaves more files that the service cannot read.",
        more: "ekv-tool check DIR",
    };

    /// `input/output error`: the disk could not read or write.
    pub static INPUT_OUTPUT: Condition = Condition {
        name: "input/output error",
        says: &["input/output error", "i/o error", "structure needs cleaning", "stale file handle", "bad message"],
        engine: None,
        title: "the disk, or the file system on it, does not give the data back",
        meaning: "The failure lies below the files. What is read next may be old, zero or missing, so that the damage may be larger \
                  than the one call that failed.",
        decided_by: "The device; the kernel's log names sector and file system.",
        safe: "Stop the server, look at the kernel's log, copy the directory to another disk, and judge the copy.",
        not_safe: "Do not repair the file system in place while the directory on it is the only copy.",
        more: "ekv-tool check DIR",
    };

    /// `read-only file system`: the volume does not take writes.
    pub static READ_ONLY: Condition = Condition {
        name: "read-only file system",
        says: &["read-only file system", "erofs"],
        engine: None,
        title: "the volume does not take writes",
        meaning: "It is mounted read-only, or the kernel has made it so after an error of the disk.",
        decided_by: "The mount options; the kernel's log says whether there was an error.",
        safe: "If the kernel's log shows errors of the disk, copy the directory to another disk first and judge the copy.",
        not_safe: "Do not remount it for writing before the reason is known.",
        more: "ekv-tool check DIR",
    };

    /// `no such file or directory`: a file that the server expected is not there.
    pub static NO_SUCH_FILE: Condition = Condition {
        name: "no such file or directory",
        says: &["no such file or directory"],
        engine: None,
        title: "a file that was expected is not there",
        meaning: "A wrong path, an unmounted volume, an incomplete copy, or a link that leads nowhere.",
        decided_by: "The path in the text.",
        safe: "Check path, mount and links first; then see what of the group is there.",
        not_safe: "Do not create an empty file or directory of that name.",
        more: "ekv-tool inspect DIR",
    };

    /// `file exists`: something has the name under which the server wants to make a directory.
    pub static FILE_EXISTS: Condition = Condition {
        name: "file exists",
        says: &["file exists"],
        engine: None,
        title: "something has the name under which a directory was to be made, and leads to none",
        meaning: "As a rule a link whose target is gone, for example on a volume that is not mounted: the server finds no directory \
                  there, wants to make one, and the name is taken.",
        decided_by: "The entry with the name in the text.",
        safe: "See where the link leads, and mount or bring back what is missing there.",
        not_safe: "Do not delete the link unseen: it may be the only trace of where the data is.",
        more: "ekv-tool inspect DIR",
    };

    /// `too many open files`: the process has used up its file descriptors.
    pub static TOO_MANY_FILES: Condition = Condition {
        name: "too many open files",
        says: &["too many open files"],
        engine: None,
        title: "the process has used up its file descriptors",
        meaning: "The store keeps many tables open; the limit of the service is too low. No file is damaged by it.",
        decided_by: "The limit of the process (nofile).",
        safe: "Raise the limit of the service and start again.",
        not_safe: "Do not delete tables to have fewer of them.",
        more: "ekv-tool gate-dryrun DIR",
    };

    /// `cannot allocate memory`: the system has no memory for the process.
    pub static NO_MEMORY: Condition = Condition {
        name: "cannot allocate memory",
        says: &["cannot allocate memory", "out of memory", "oom-kill"],
        engine: None,
        title: "the system has no memory for the process",
        meaning: "A start that restores reads the payload and writes the store; a start after it is much cheaper. A process that \
                  was killed leaves a crash state, which is no damage.",
        decided_by: NOT_DATA,
        safe: "See what the next start has to read, and give the service the memory for it.",
        not_safe: "Do not kill and restart it in a loop: every restore begins from the start.",
        more: "ekv-tool gate-dryrun DIR",
    };
}
