//! HTTP dates (RFC 9110, 5.6.7): writes IMF-fixdate. Reads no dates and no clock.

/// Length of an IMF-fixdate.
pub const DATE_LEN: usize = 29;

/// `Sun, 06 Nov 1994 08:49:37 GMT` for seconds since 1970; years beyond 9999 are cut to 9999-12-31.
pub fn imf_fixdate(seconds: u64) -> [u8; DATE_LEN] {
    let seconds = seconds.min(LAST);
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    let (year, month, day) = civil(days);
    let mut out = *b"Thu, 01 Jan 1970 00:00:00 GMT";
    out[..3].copy_from_slice(&WEEKDAYS[(days % 7) as usize]);
    two(&mut out[5..7], day);
    out[8..11].copy_from_slice(&MONTHS[month as usize - 1]);
    two(&mut out[12..14], year / 100);
    two(&mut out[14..16], year % 100);
    two(&mut out[17..19], (rest / 3600) as u32);
    two(&mut out[20..22], (rest / 60 % 60) as u32);
    two(&mut out[23..25], (rest % 60) as u32);
    out
}

fn two(out: &mut [u8], number: u32) {
    out[0] = b'0' + (number / 10) as u8;
    out[1] = b'0' + (number % 10) as u8;
}

/// Year, month (1-12) and day of a number of days since 1970-01-01, counted in eras of 400 years that start on 1 March.
fn civil(days: u64) -> (u32, u32, u32) {
    let shifted = days + 719_468;
    let era = shifted / 146_097;
    let of_era = shifted % 146_097;
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    (year as u32, month as u32, day as u32)
}

/// 9999-12-31 23:59:59.
const LAST: u64 = 253_402_300_799;
const WEEKDAYS: [[u8; 3]; 7] = [*b"Thu", *b"Fri", *b"Sat", *b"Sun", *b"Mon", *b"Tue", *b"Wed"];
const MONTHS: [[u8; 3]; 12] =
    [*b"Jan", *b"Feb", *b"Mar", *b"Apr", *b"May", *b"Jun", *b"Jul", *b"Aug", *b"Sep", *b"Oct", *b"Nov", *b"Dec"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_read_as_the_rfc_writes_them() {
        let of = |s| String::from_utf8(imf_fixdate(s).to_vec()).unwrap();
        assert_eq!(of(784_111_777), "Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(of(0), "Thu, 01 Jan 1970 00:00:00 GMT");
        assert_eq!(of(951_782_400), "Tue, 29 Feb 2000 00:00:00 GMT");
        assert_eq!(of(4_107_542_399), "Sun, 28 Feb 2100 23:59:59 GMT");
        assert_eq!(of(u64::MAX), "Fri, 31 Dec 9999 23:59:59 GMT");
    }
}
