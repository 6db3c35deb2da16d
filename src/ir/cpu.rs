//! `cpu-map`: on which CPUs threads run (manual 3.1).

/// CPUs, counted from 0, in order.
pub type CpuSet = Vec<u16>;

/// The `cpu-map`, `thread-groups` and `thread-group` lines. Threads and groups are counted from 1, CPUs from 0.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CpuMap {
    /// The lines in order; of several that are for a thread, the last one counts.
    pub pins: Vec<CpuPin>,
    /// `thread-groups`; 0 is one.
    pub groups: usize,
    /// `thread-group`: a group's first and last thread. Without any, threads are spread evenly.
    pub ranges: Vec<(usize, usize, usize)>,
}

/// A `cpu-map` line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CpuPin {
    /// The groups, a bit for each.
    pub groups: u64,
    /// The threads of a group, a bit for each; `None` where the line names groups only.
    pub threads: Option<u64>,
    /// The CPUs in order.
    pub cpus: CpuSet,
    /// `auto:`: each thread, or group, has one of the CPUs.
    pub auto: bool,
}

impl CpuMap {
    /// The CPUs of a thread, counted from 0, of so many; `None` is any.
    pub fn cpus_of(&self, thread: usize, threads: usize) -> Option<CpuSet> {
        if self.is_of_processes() {
            let mut all: Vec<u16> = self.pins.iter().flat_map(|pin| pin.cpus.iter().copied()).collect();
            all.sort_unstable();
            all.dedup();
            return Some(all);
        }
        let (group, member) = self.seat(thread, threads)?;
        let pin = self
            .pins
            .iter()
            .rev()
            .find(|pin| has(pin.groups, group) && pin.threads.is_none_or(|all| has(all, member)))?;
        if !pin.auto {
            return Some(pin.cpus.clone());
        }
        let (set, number) = match pin.threads {
            Some(threads) => (threads, member),
            None => (pin.groups, group),
        };
        let before = (1..number).filter(|earlier| has(set, *earlier)).count();
        pin.cpus.get(before).map(|cpu| vec![*cpu])
    }

    /// Before HAProxy 2.5 the numbers could be those of several processes. The one that does the work of all has the CPUs of all.
    fn is_of_processes(&self) -> bool {
        let last = self.groups.max(1);
        let beyond = |pin: &CpuPin| pin.threads.is_none() && pin.groups.count_ones() == 1 && pin.groups >> last != 0;
        self.pins.iter().all(|pin| pin.threads.is_none() && !pin.auto) && self.pins.iter().any(beyond)
    }

    /// The group of a thread and its number there.
    fn seat(&self, thread: usize, threads: usize) -> Option<(usize, usize)> {
        if !self.ranges.is_empty() {
            let within = |(_, first, last): &&(usize, usize, usize)| (*first..=*last).contains(&(thread + 1));
            return self.ranges.iter().find(within).map(|(group, first, _)| (*group, thread + 2 - first));
        }
        let groups = self.groups.max(1);
        let (each, more) = (threads / groups, threads % groups);
        let mut first = 0;
        for group in 0..groups {
            let size = each + usize::from(group < more);
            if thread < first + size {
                return Some((group + 1, thread - first + 1));
            }
            first += size;
        }
        None
    }
}

/// Whether a number, counted from 1, is in a set.
fn has(set: u64, number: usize) -> bool {
    (1..=64).contains(&number) && set >> (number - 1) & 1 == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pin(groups: u64, threads: Option<u64>, cpus: &[u16], auto: bool) -> CpuPin {
        CpuPin { groups, threads, cpus: cpus.to_vec(), auto }
    }

    fn of(pins: Vec<CpuPin>) -> CpuMap {
        CpuMap { pins, ..CpuMap::default() }
    }

    #[test]
    fn the_last_line_for_a_thread_counts() {
        let map = of(vec![pin(1, Some(u64::MAX), &[0, 1], false), pin(1, Some(0b10), &[3], false)]);
        assert_eq!(map.cpus_of(0, 4), Some(vec![0, 1]));
        assert_eq!(map.cpus_of(1, 4), Some(vec![3]));
        assert_eq!(of(vec![pin(1, Some(0b10), &[3], false)]).cpus_of(0, 4), None);
    }

    #[test]
    fn auto_gives_each_thread_its_own() {
        let map = of(vec![pin(1, Some(0b1010), &[4, 6], true)]);
        let cpus: Vec<_> = (0..5).map(|thread| map.cpus_of(thread, 5)).collect();
        assert_eq!(cpus, [None, Some(vec![4]), None, Some(vec![6]), None]);
    }

    #[test]
    fn threads_are_counted_in_their_group() {
        let mut map = of(vec![pin(0b10, Some(0b1), &[7], false), pin(0b1, None, &[1], false)]);
        map.groups = 2;
        let cpus: Vec<_> = (0..5).map(|thread| map.cpus_of(thread, 5)).collect();
        assert_eq!(cpus, [Some(vec![1]), Some(vec![1]), Some(vec![1]), Some(vec![7]), None]);
        map.ranges = vec![(1, 1, 4), (2, 5, 5)];
        assert_eq!(map.cpus_of(3, 5), Some(vec![1]));
        assert_eq!(map.cpus_of(4, 5), Some(vec![7]));
    }

    #[test]
    fn a_map_of_processes_is_for_all_threads() {
        let map = of(vec![pin(0b1, None, &[0], false), pin(0b10, None, &[1], false), pin(0b100, None, &[1], false)]);
        assert_eq!(map.cpus_of(0, 2), Some(vec![0, 1]));
        assert_eq!(map.cpus_of(1, 2), Some(vec![0, 1]));
    }
}
