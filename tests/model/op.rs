//! What can happen, and how a life is made up from a seed. Acts name people and records by number, whatever there is at
//! that moment, so that a life with some of its acts left out is a life as well.

use std::sync::Arc;

use letterlock::base::entropy::{Entropy, SeededEntropy};
use letterlock::vault::Step;

#[derive(Clone, Debug)]
pub enum Op {
    Submit {
        form: u8,
        address: u8,
        files: Vec<u8>,
        text: u8,
        key: Option<u8>,
    },
    Read(u8),
    Download(u8, u8),
    /// A file that the form unlocks, by a link that is then pressed again.
    Unlock(u8),
    Mark(u8, u8),
    List {
        form: Option<u8>,
        status: Option<u8>,
        limit: u8,
        purpose: bool,
    },
    Find(u8),
    ErasePerson(u8),
    EraseRecord(u8),
    /// Several people in one order; some twice, some unknown.
    EraseMany(Vec<u8>),
    /// Several orders at the same moment.
    EraseAtOnce(Vec<u8>, Vec<u8>),
    Certificate(u8),
    Token(u8, u8),
    Revoke(u8),
    SignIn(u8),
    Disable(u8),
    Verify,
    Restart,
    /// The vault is dropped as it is.
    Drop,
    /// Past the services: receipts, an empty file, and one order of people (`true`) and records.
    Direct(Vec<(bool, u8)>),
    /// A person (`true`) or record is erased, and the vault stops at a step.
    StopAt(u8, bool, u8),
    /// The store fails at the n-th commit from here, which was or was not written; this act meets it.
    Fault(u8, bool, Box<Op>),
    /// Everything is compared.
    Check,
}

/// Numbers from a seed.
pub struct Choice(Arc<dyn Entropy>);

impl Choice {
    pub fn new(seed: u64) -> Self {
        Self(Arc::new(SeededEntropy::new(seed ^ 0x6c69_6665)))
    }

    pub fn below(&self, n: u8) -> u8 {
        let mut bytes = [0; 2];
        self.0.fill(&mut bytes).unwrap();
        (u16::from_le_bytes(bytes) % u16::from(n)) as u8
    }

    fn some(&self, most: u8) -> Vec<u8> {
        (0..1 + self.below(most)).map(|_| self.below(255)).collect()
    }

    fn submit(&self) -> Op {
        let key = (self.below(3) == 0).then(|| self.below(3));
        // With a key, few different bodies, so that some come again.
        let (form, address, text) = match key {
            Some(_) => (self.below(3), self.below(2), self.below(2)),
            None => (self.below(3), self.below(6), self.below(250)),
        };
        let files = match self.below(4) {
            0 | 1 => Vec::new(),
            2 => vec![1 + self.below(5)],
            _ => (0..1 + self.below(3)).map(|_| self.below(7)).collect(),
        };
        let files = if key.is_some() { Vec::new() } else { files };
        Op::Submit { form, address, files, text, key }
    }

    fn change(&self) -> Op {
        match self.below(6) {
            0..=2 => self.submit(),
            3 => Op::Mark(self.below(255), self.below(10)),
            4 => Op::ErasePerson(self.below(255)),
            _ => Op::EraseRecord(self.below(255)),
        }
    }

    fn op(&self) -> Op {
        let any = || self.below(255);
        match self.below(100) {
            0..=39 => self.submit(),
            40..=43 => Op::Read(any()),
            44..=46 => Op::Download(any(), self.below(4)),
            47 => Op::Unlock(any()),
            48..=56 => Op::Mark(any(), self.below(10)),
            57..=60 => Op::List {
                form: (self.below(2) == 0).then(|| self.below(3)),
                status: (self.below(3) == 0).then(|| self.below(10)),
                limit: 1 + self.below(5),
                purpose: self.below(2) == 0,
            },
            61..=63 => Op::Find(self.below(6)),
            64..=66 => Op::ErasePerson(any()),
            67..=70 => Op::EraseRecord(any()),
            71..=72 => Op::EraseMany(self.some(5)),
            73 => Op::EraseAtOnce(self.some(3), self.some(3)),
            74 => Op::Certificate(any()),
            75..=76 => Op::Token(self.below(3), self.below(5)),
            77 => Op::Revoke(any()),
            78..=79 => Op::SignIn(any()),
            80 => Op::Disable(self.below(3)),
            81 => Op::Verify,
            82..=83 => Op::Restart,
            84..=85 => Op::Drop,
            86..=88 => Op::Direct((0..1 + self.below(5)).map(|_| (self.below(2) == 0, any())).collect()),
            89..=92 => Op::StopAt(self.below(Step::ERASURE.len() as u8), self.below(2) == 0, any()),
            93..=98 => Op::Fault(1 + self.below(3), self.below(2) == 0, Box::new(self.change())),
            _ => Op::Check,
        }
    }
}

/// In deep mode, somebody now and then has sent so much that their keyring and their ledger of consents span several rows.
pub fn life(seed: u64, len: usize) -> Vec<Op> {
    let choice = Choice::new(seed);
    let much = if crate::deep() && seed % 32 == 30 { 205 } else { 0 };
    let again = |_| Op::Submit { form: 0, address: 0, files: Vec::new(), text: 4, key: None };
    (0..much).map(again).chain((0..len).map(|_| choice.op())).collect()
}
