//! The rules of the naive model: which request is refused and why, and what the others do.

use super::*;

impl Model {
    pub(super) fn decide(&self, asked: &Asked, now: u64) -> Result<Effects, &'static str> {
        match asked {
            Asked::Deposit { player, currency, amount } => {
                self.not_away(player, now)?;
                self.pay_in(player, currency, *amount, house("collections", "source", currency))
            }
            Asked::Credit { player, currency, amount } => {
                self.pay_in(player, currency, *amount, house("adjustment", "corrections", currency))
            }
            Asked::Debit { player, currency, amount } => {
                self.not_frozen(player, now)?;
                self.can_pay(player, currency, *amount)?;
                let to = house("adjustment", "corrections", currency);
                let posted = across(cash(player, currency), to, *amount);
                self.fit(&posted, &[])?;
                Ok(Effects { posted, ..told(player, currency, *amount) })
            }
            Asked::Stake { player, round, currency, amount } => {
                self.not_frozen(player, now)?;
                self.not_away(player, now)?;
                let played = self.play(player, (round, currency), now)?;
                let of = (Some(round.clone()), None, "collections");
                let held = self.hold(player, currency, *amount, of)?;
                Ok(Effects { held, played, round: Some(round.clone()), ..told(player, currency, *amount) })
            }
            Asked::SetAside { player, currency, amount, expires } => {
                let held = self.hold(player, currency, *amount, (None, Some(*expires), "collections"))?;
                Ok(Effects { held, ..told(player, currency, *amount) })
            }
            Asked::Hold { player, currency, amount, expires } => {
                self.not_frozen(player, now)?;
                let held = self.hold(player, currency, *amount, (None, *expires, "adjustment"))?;
                Ok(Effects { held, ..told(player, currency, *amount) })
            }
            Asked::Capture { hold, part } => {
                let held = self.of_service(hold, now)?;
                let amount = match part {
                    None => held.amount,
                    Some((_, currency)) if *currency != held.currency => return Err("wrong_currency"),
                    Some((amount, _)) if *amount > held.amount => return Err("above_hold"),
                    Some((amount, _)) => *amount,
                };
                positive(amount)?;
                let to = house("adjustment", "corrections", &held.currency);
                let posted = across(cash(&held.player, &held.currency), to, amount);
                let ended = vec![hold.clone()];
                self.fit(&posted, &ended)?;
                Ok(Effects { posted, ended, ..told(&held.player, &held.currency, amount) })
            }
            Asked::Free { hold } => {
                let held = self.of_service(hold, now)?;
                let ended = vec![hold.clone()];
                Ok(Effects { ended, ..told(&held.player, &held.currency, held.amount) })
            }
            Asked::Collect { player, currency, amount, merchant } => {
                self.not_away(player, now)?;
                let source = house("collections", &format!("source of {merchant}"), currency);
                let effects = self.pay_in(player, currency, *amount, source)?;
                Ok(Effects { named: Some(format!("merchant {merchant}")), ..effects })
            }
            Asked::Winnings { player, currency, amount, game } => {
                positive(*amount)?;
                let (account, winnings) =
                    (cash(player, currency), house("distributions", "winnings", currency));
                let results = house("collections", &format!("results of {game}"), currency);
                let mut posted = across(results, winnings.clone(), *amount);
                posted.extend(across(winnings, account.clone(), *amount));
                self.fit(&posted, &[])?;
                let named = Some(format!("game {game}"));
                Ok(Effects { opened: Some(account), posted, named, ..told(player, currency, *amount) })
            }
            Asked::Release { player, round, currency, holds } => {
                let returned = self.stakes(player, round, holds)?;
                let (ended, round) = (holds.clone(), Some(round.clone()));
                Ok(Effects { ended, round, ..told(player, currency, returned) })
            }
            Asked::Void { round, currency, shares } => {
                let mut effects = Effects { round: Some(round.clone()), ..Effects::default() };
                for share in shares {
                    self.end_stakes(round, share, &mut effects)?;
                    effects.told.push((share.player.clone(), currency.clone(), share.staked));
                }
                Ok(effects)
            }
            Asked::Settle { round, currency, shares } => self.settle(round, currency, shares),
            Asked::Freeze { player, reason, until } => {
                let freeze = Some((*reason, *until));
                Ok(Effects { frozen: Some((player.clone(), freeze)), ..Effects::default() })
            }
            Asked::Unfreeze { player } if !self.is_frozen(player, now) => Err("not_frozen"),
            Asked::Unfreeze { player } => {
                Ok(Effects { frozen: Some((player.clone(), None)), ..Effects::default() })
            }
            Asked::Exclude { player, strict, lasts } => self.exclude(player, *strict, *lasts, now),
            Asked::Reinstate { player } if !self.is_away(player, now) => Err("not_excluded"),
            Asked::Reinstate { player } => {
                let away = self.away[player];
                if !away.strict || away.until.is_none_or(|until| now < until) {
                    return Err("exclusion_stands");
                }
                let until = Some(now + self.protected().cooling);
                let away = Some((player.clone(), Away { strict: false, cooling: true, until }));
                Ok(Effects { away, ..Effects::default() })
            }
            Asked::Sessions { rules } => Ok(Effects { sessions: Some(*rules), ..Effects::default() }),
            Asked::Acknowledge { player } => self.acknowledge(player, now),
            Asked::Protect { protection } => {
                Ok(Effects { protection: Some(*protection), ..Effects::default() })
            }
            Asked::Expire { hold } => {
                let held = self.holds.get(hold).ok_or("no_bets")?;
                match held.expires {
                    Some(expires) if expires <= now => {
                        let ended = vec![hold.clone()];
                        Ok(Effects { ended, ..told(&held.player, &held.currency, held.amount) })
                    }
                    Some(_) | None => Err("internal"),
                }
            }
            Asked::Refuse { code } => Err(code),
        }
    }

    /// A player is paid, and gets an account with the first payment.
    fn pay_in(
        &self,
        player: &str,
        currency: &str,
        amount: i128,
        from: Account,
    ) -> Result<Effects, &'static str> {
        positive(amount)?;
        let account = cash(player, currency);
        let posted = across(from, account.clone(), amount);
        self.fit(&posted, &[])?;
        Ok(Effects { opened: Some(account), posted, ..told(player, currency, amount) })
    }

    /// Nobody comes back earlier than was said before, and no self-exclusion becomes a time-out.
    fn exclude(
        &self,
        player: &str,
        strict: bool,
        lasts: Option<u64>,
        now: u64,
    ) -> Result<Effects, &'static str> {
        let Protection { longest, shortest, .. } = self.protected();
        match (strict, lasts) {
            (_, Some(0)) | (false, None) => return Err("bad_duration"),
            (false, Some(lasts)) if lasts > longest => return Err("bad_duration"),
            (true, Some(lasts)) if lasts < shortest => return Err("bad_duration"),
            _ => {}
        }
        let until = lasts.map(|lasts| now + lasts);
        if self.is_away(player, now) {
            let before = self.away[player];
            let hour = 3_600_000;
            let enough = match (until, before.until) {
                (_, None) => until.is_none() && strict && !before.strict,
                (None, Some(_)) => true,
                (Some(new), Some(old)) if strict && !before.strict => new >= old,
                (Some(new), Some(old)) => new > old + hour,
            };
            if !enough || before.strict && !strict {
                return Err("exclusion_stands");
            }
        }
        let away = Some((player.to_owned(), Away { strict, cooling: false, until }));
        Ok(Effects { away, ..Effects::default() })
    }

    /// Six weeks, six months of any lengths, and a day to cool off, unless it was recorded otherwise.
    fn protected(&self) -> Protection {
        let day = 86_400_000;
        let unless = Protection { longest: 42 * day, shortest: 184 * day, cooling: day };
        self.protection.unwrap_or(unless)
    }

    fn not_away(&self, player: &str, now: u64) -> Result<(), &'static str> {
        if self.is_away(player, now) { Err("excluded") } else { Ok(()) }
    }

    fn settle(&self, round: &str, currency: &str, shares: &[Share]) -> Result<Effects, &'static str> {
        let mut effects = Effects { round: Some(round.into()), ..Effects::default() };
        for share in shares {
            self.end_stakes(round, share, &mut effects)?;
            for held in share.holds.iter().map(|hold| &self.holds[hold]) {
                let stakes = house("collections", "stakes", &held.currency);
                effects.posted.extend(across(cash(&held.player, &held.currency), stakes, held.amount));
            }
        }
        for Share { player, returned, .. } in shares {
            if *returned != 0 {
                positive(*returned)?;
                if !self.accounts.contains(&cash(player, currency)) {
                    return Err("no_account");
                }
                let winnings = house("distributions", "winnings", currency);
                effects.posted.extend(across(winnings, cash(player, currency), *returned));
                self.fit(&effects.posted, &effects.ended)?;
            }
            effects.told.push((player.clone(), currency.into(), *returned));
        }
        self.fit(&effects.posted, &effects.ended)?;
        effects.played = self.ended(round, currency, shares);
        Ok(effects)
    }

    /// A share's holds are open stakes of its player in the round, and add up to what it says.
    fn end_stakes(&self, round: &str, share: &Share, effects: &mut Effects) -> Result<(), &'static str> {
        if self.stakes(&share.player, round, &share.holds)? != share.staked {
            return Err("no_bets");
        }
        if share.holds.iter().any(|hold| effects.ended.contains(hold)) {
            return Err("no_bets");
        }
        effects.ended.extend(share.holds.iter().cloned());
        Ok(())
    }

    /// The sum of open stakes, each named once, of one player in one round.
    fn stakes(&self, player: &str, round: &str, holds: &[String]) -> Result<i128, &'static str> {
        let mut sum = 0;
        for (place, name) in holds.iter().enumerate() {
            let held = self.holds.get(name).ok_or("no_bets")?;
            let is_theirs = held.player == player && held.round.as_deref() == Some(round);
            if !is_theirs || holds[..place].contains(name) {
                return Err("no_bets");
            }
            sum += held.amount;
        }
        Ok(sum)
    }

    fn hold(
        &self,
        player: &str,
        currency: &str,
        amount: i128,
        (round, expires, towards): (Option<String>, Option<u64>, &'static str),
    ) -> Result<Option<Held>, &'static str> {
        self.can_pay(player, currency, amount)?;
        // A hold counts as if it were posted, so that it can be.
        let credit = clearing("balance", towards, currency);
        self.fit(&[Transfer { debit: cash(player, currency), credit, amount }], &[])?;
        let (player, currency) = (player.into(), currency.into());
        Ok(Some(Held { player, currency, amount, round, expires, towards }))
    }

    /// An open hold that a service can capture.
    fn of_service(&self, hold: &str, now: u64) -> Result<&Held, &'static str> {
        let held = self.holds.get(hold).filter(|held| held.towards == "adjustment");
        held.filter(|held| held.expires.is_none_or(|expires| now < expires)).ok_or("hold_not_open")
    }

    fn not_frozen(&self, player: &str, now: u64) -> Result<(), &'static str> {
        if self.is_frozen(player, now) { Err("account_frozen") } else { Ok(()) }
    }

    /// The amount is above zero, the player has an account, and enough is available in it.
    fn can_pay(&self, player: &str, currency: &str, amount: i128) -> Result<(), &'static str> {
        positive(amount)?;
        if !self.accounts.contains(&cash(player, currency)) {
            return Err("no_account");
        }
        if self.funds(player, currency).0 < amount { Err("insufficient_funds") } else { Ok(()) }
    }

    /// No amount and no sum becomes too large.
    fn fit(&self, posted: &[Transfer], ended: &[String]) -> Result<(), &'static str> {
        if posted.iter().any(|transfer| transfer.amount > SUM_MAX) {
            return Err("above_limit");
        }
        for account in posted.iter().flat_map(|transfer| [&transfer.debit, &transfer.credit]) {
            let (debits, credits, held, to_come) = self.sums_with(account, posted, ended);
            if debits + held > SUM_MAX || credits + to_come > SUM_MAX {
                return Err("above_limit");
            }
        }
        Ok(())
    }
}

fn positive(amount: i128) -> Result<(), &'static str> {
    if amount <= 0 { Err("below_limit") } else { Ok(()) }
}

fn told(player: &str, currency: &str, amount: i128) -> Effects {
    Effects { told: vec![(player.into(), currency.into(), amount)], ..Effects::default() }
}
