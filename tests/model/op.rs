//! What can happen, and how a life is made up from a seed. Acts name people and records by number, whatever there is at
//! that moment, so that a life with some of its acts left out is a life as well.

use std::sync::Arc;

use letterlock::base::entropy::{Entropy, SeededEntropy};
use letterlock::domain::submission::Status;
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
    /// So many answers to the survey.
    Answers(u8),
    /// A comment is published (`true`) or declined.
    Moderate(u8, bool),
    /// Whoever holds the receipt takes their comment down.
    TakeDown(u8),
    /// Somebody subscribes, reads their mail at once, and presses the link in it.
    Subscribe(u8),
    /// A link in a mail is pressed that confirms a subscription.
    Confirm(u8),
    /// A link in a mail is pressed that ends one.
    Unsubscribe(u8),
    /// Whoever holds the receipt takes the consent to the newsletter back.
    TakeBack(u8),
    /// An issue is ordered.
    Order,
    /// The mail server takes so many mails and no more.
    Post(u8),
    /// All mails go out, a week and a day pass, and what was not confirmed by then goes.
    Week,
    /// Everything is compared.
    Check,
}

/// Numbers from a seed.
pub struct Choice {
    entropy: Arc<dyn Entropy>,
    /// Every other life is mostly about boards, surveys and newsletters.
    public: bool,
}

impl Choice {
    pub fn new(seed: u64) -> Self {
        Self { entropy: Arc::new(SeededEntropy::new(seed ^ 0x6c69_6665)), public: seed.is_multiple_of(2) }
    }

    pub fn below(&self, n: u8) -> u8 {
        let mut bytes = [0; 2];
        self.entropy.fill(&mut bytes).unwrap();
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
            // Few people, so that some subscribe again.
            None if self.public => ([0, 4, 5, 5][usize::from(self.below(4))], self.below(3), self.below(250)),
            // Of the public forms, comments and subscriptions; answers to the survey come in numbers.
            None => ([0, 1, 2, 0, 1, 2, 4, 4, 5, 5, 5][usize::from(self.below(11))], self.below(6), self.below(250)),
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
        let any = || self.below(255);
        match self.below(12) {
            0..=4 => self.submit(),
            5 => Op::Answers(1),
            6 => Op::Mark(any(), self.below(10)),
            7 => Op::ErasePerson(any()),
            8 => Op::EraseRecord(any()),
            _ => self.public(),
        }
    }

    /// What is done to comments, subscriptions and issues.
    fn public(&self) -> Op {
        let any = || self.below(255);
        match self.below(16) {
            0..=3 => Op::Moderate(any(), self.below(3) > 0),
            4 => Op::TakeDown(any()),
            5..=9 => Op::Confirm(any()),
            10..=11 => Op::Unsubscribe(any()),
            12 => Op::TakeBack(any()),
            _ => Op::Order,
        }
    }

    /// All that waits, or a part of it.
    fn post(&self) -> Op {
        Op::Post([0, 1, 2, 4, 255][usize::from(self.below(5))])
    }

    fn op(&self) -> Op {
        let any = || self.below(255);
        if self.public && self.below(3) > 0 {
            return match self.below(12) {
                0..=3 => self.submit(),
                4 => Op::Answers(1 + self.below(6)),
                5..=8 => self.public(),
                9 => Op::Subscribe(self.below(3)),
                _ => self.post(),
            };
        }
        match self.below(100) {
            0..=27 => self.submit(),
            28 => Op::Answers(1 + self.below(6)),
            29 => Op::Subscribe(self.below(6)),
            30..=36 => self.public(),
            37..=39 => self.post(),
            40..=43 => Op::Read(any()),
            44..=46 => Op::Download(any(), self.below(4)),
            47 => Op::Unlock(any()),
            48..=56 => Op::Mark(any(), self.below(10)),
            57..=60 => Op::List {
                form: (self.below(2) == 0).then(|| self.below(6)),
                status: (self.below(3) == 0).then(|| self.below(Status::ALL.len() as u8)),
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
            80 if self.below(3) == 0 => Op::Week,
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
