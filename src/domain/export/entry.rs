//! What a file of a submission is called in an archive.

use crate::base::ids::RecordId;
use crate::domain::file::clean_name;

/// The path of file `n` in an archive: the submission, then the number and the cleaned name. So no two are the same, in any
/// case, none leaves its folder, and none is a device of Windows.
pub fn entry_name(record: &RecordId, n: u32, name: &str) -> String {
    format!("{record}/{n:02}-{}", clean_name(name).expose())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_hostile_name_stays_in_its_folder() {
        let record = RecordId::from_bytes([7; 16]);
        for (name, cleaned) in [
            ("../../../etc/passwd", "00-passwd"),
            ("..\\..\\autoexec.bat", "00-autoexec.bat"),
            ("C:\\x\\con.pdf", "00-_con.pdf"),
            ("nul", "00-_nul"),
            ("/", "00-file"),
            ("a\0\r\nb", "00-ab"),
            ("cv\u{202e}fdp.exe", "00-cvfdp.exe"),
            ("x:stream", "00-x_stream"),
        ] {
            assert_eq!(entry_name(&record, 0, name), format!("{record}/{cleaned}"), "{name:?}");
        }
    }

    proptest! {
        #[test]
        fn every_name_is_one_folder_and_one_file(name in any::<String>(), n in 0..200_u32) {
            let record = RecordId::from_bytes([7; 16]);
            let path = entry_name(&record, n, &name);
            let parts: Vec<&str> = path.split('/').collect();
            let folder = record.to_string();
            prop_assert_eq!((parts.len(), parts[0]), (2, folder.as_str()));
            let numbered = parts[1].starts_with(&format!("{n:02}-"));
            prop_assert!(numbered && !parts[1].contains(['\\', ':', '\0']));
        }
    }
}
