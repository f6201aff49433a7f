//! Java's `GregorianCalendar`: Julian before 15 October 1582.

pub(crate) const MILLIS_PER_DAY: i64 = 86_400_000;

/// Days since 1970 of the first Gregorian day.
const CUTOVER: i64 = -141_427;

/// A day and a time of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Civil {
    days: i64,
    /// Year zero is the one before year one.
    pub(super) year: i64,
    /// From 1.
    pub(super) month: i64,
    pub(super) day: i64,
    /// Milliseconds since midnight.
    pub(super) time: i64,
}

impl Civil {
    pub(super) fn of(millis: i64) -> Self {
        let days = millis.div_euclid(MILLIS_PER_DAY);
        // Years that begin in March, counted from the year 0 of the calendar in force.
        let (year, of_year) = if days >= CUTOVER {
            let since = days + 719_468;
            let (era, of_era) = (since.div_euclid(146_097), since.rem_euclid(146_097));
            let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
            (
                year + era * 400,
                of_era - (365 * year + year / 4 - year / 100),
            )
        } else {
            let since = days + 719_470;
            let (era, of_era) = (since.div_euclid(1_461), since.rem_euclid(1_461));
            let year = (of_era - of_era / 1_460) / 365;
            (year + era * 4, of_era - 365 * year)
        };
        let shifted = (5 * of_year + 2) / 153;
        let month = if shifted < 10 {
            shifted + 3
        } else {
            shifted - 9
        };
        Self {
            days,
            year: year + i64::from(month <= 2),
            month,
            day: of_year - (153 * shifted + 2) / 5 + 1,
            time: millis.rem_euclid(MILLIS_PER_DAY),
        }
    }

    /// The year as written: years before the first are counted backwards.
    pub(super) fn year_of_era(&self) -> i64 {
        if self.year > 0 {
            self.year
        } else {
            1 - self.year
        }
    }

    pub(super) fn day_of_year(&self) -> i64 {
        self.days - days(self.year, 1, 1) + 1
    }

    /// From Sunday, 0.
    pub(super) fn weekday(&self) -> i64 {
        (self.days + 4).rem_euclid(7)
    }
}

/// Days since 1970; month (from 1) and day may lie outside the year and the month.
pub(super) fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = year + (month - 1).div_euclid(12);
    let month = (month - 1).rem_euclid(12) + 1;
    let shifted = year - i64::from(month <= 2);
    let of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
    let leap_days = shifted.div_euclid(4) - shifted.div_euclid(100) + shifted.div_euclid(400);
    let gregorian = shifted * 365 + leap_days + of_year - 719_468;
    if gregorian >= CUTOVER {
        return gregorian;
    }
    shifted * 365 + shifted.div_euclid(4) + of_year - 719_470
}
