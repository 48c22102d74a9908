#![doc = include_str!("../../../docs/formats/bolt.md")]

mod element;
mod freelist;
mod meta;
mod page;

pub use element::{BranchElement, ELEMENT, LeafElement};
pub use freelist::{FreelistHead, freelist_head, freelist_ids};
pub use meta::{BIG_ENDIAN_MAGIC, MAGIC, META_END, Meta, MetaProblem, NO_FREELIST, VERSION, fnv1a};
pub use page::{FLAG_BRANCH, FLAG_FREELIST, FLAG_LEAF, FLAG_META, PAGE_HEADER, PageHeader, PageKind, type_name};

use super::{Cursor, DecodeResult};

/// Bytes of a bucket's header: root page id, sequence.
pub const BUCKET_HEADER: usize = 16;

/// What the value of a bucket key begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BucketHeader {
    /// Page id of the bucket's tree; 0 for a page image that follows the header.
    pub root: u64,
    /// A counter that the program may use.
    pub sequence: u64,
}

impl BucketHeader {
    /// Decodes the header at the start of a bucket's value.
    pub fn decode(value: &[u8]) -> DecodeResult<Self> {
        let mut cursor = Cursor::new(value);
        Ok(Self { root: cursor.u64_le("bucket root")?, sequence: cursor.u64_le("bucket sequence")? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const META: [u8; META_END] = [
        0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0xed, 0xda, 0x0c, 0xed, 2, 0, 0, 0, 0, 0x10, 0, 0, 0, 0, 0, 0, 4, 0, 0,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 10, 0, 0, 0, 0, 0, 0, 0, 6, 0, 0, 0, 0, 0, 0, 0, 0xe6,
        0x38, 0xdb, 0x72, 0x3d, 0x84, 0xfb, 0xb6,
    ];
    const BRANCH: [u8; 64] = [
        3, 0, 0, 0, 0, 0, 0, 0, 1, 0, 2, 0, 0, 0, 0, 0, 32, 0, 0, 0, 8, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 24, 0, 0, 0, 8, 0, 0, 0,
        6, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 4,
    ];

    #[test]
    fn a_meta_page_and_every_change_of_it() {
        assert_eq!(fnv1a(b"a"), 0xaf63_dc4c_8601_ec8c);
        let meta = Meta::decode(&META).unwrap();
        assert_eq!(
            (meta.problem(), meta.page_size, meta.root, meta.freelist, meta.high_water, meta.txid),
            (None, 4096, 4, 5, 10, 6)
        );
        for end in 0..META.len() {
            assert!(Meta::decode(&META[..end]).is_err(), "cut at {end}");
        }
        for bit in PAGE_HEADER * 8..META.len() * 8 {
            let mut page = META;
            page[bit / 8] ^= 1 << (bit % 8);
            assert!(Meta::decode(&page).unwrap().problem().is_some(), "bit {bit}");
        }
    }

    #[test]
    fn a_branch_page_and_every_change_of_it() {
        let header = PageHeader::decode(&BRANCH).unwrap();
        assert_eq!((header.id, header.kind(), header.count, header.overflow), (3, Some(PageKind::Branch), 2, 0));
        let read = |page: &[u8]| -> DecodeResult<Vec<(Vec<u8>, u64)>> {
            (0..2)
                .map(|index| {
                    let element = BranchElement::decode(page, index)?;
                    Ok((element.key(page, index)?.to_vec(), element.child))
                })
                .collect()
        };
        assert_eq!(read(&BRANCH).unwrap(), [(1_u64.to_be_bytes().to_vec(), 2), (4_u64.to_be_bytes().to_vec(), 6)]);
        for end in 0..BRANCH.len() {
            assert!(read(&BRANCH[..end]).is_err(), "cut at {end}");
        }
        for bit in 0..BRANCH.len() * 8 {
            let mut page = BRANCH;
            page[bit / 8] ^= 1 << (bit % 8);
            let _ = read(&page);
            let _ = LeafElement::decode(&page, 0).and_then(|element| element.key_value(&page, 0).map(|_| ()));
            let _ = freelist_ids(&page);
        }
    }

    #[test]
    fn a_freelist_claims_no_memory() {
        let mut page = vec![0; 4096];
        page[8] = 0x10;
        page[10..12].copy_from_slice(&[0xff, 0xff]);
        page[16..24].copy_from_slice(&(1_u64 << 40).to_le_bytes());
        let (ids, whole) = freelist_ids(&page).unwrap();
        assert_eq!((ids.len(), whole), ((4096 - 24) / 8, false));
    }
}
