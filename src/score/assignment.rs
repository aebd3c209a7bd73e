//! The best one-to-one assignment of rows to columns.

/// For each row of a square table the column that is assigned to it, such that the sum of the
/// chosen gains is the largest. The Hungarian method in its O(n³) form with potentials
/// (Kuhn 1955; Jonker and Volgenant 1987).
pub(super) fn best_assignment(gains: &[Vec<f64>]) -> Vec<usize> {
    let size = gains.len();
    let mut state = Matching::new(size);
    for row in 1..=size {
        state.add_row(row, gains);
    }
    let mut columns = vec![0; size];
    for column in 1..=size {
        columns[state.row_of[column] - 1] = column - 1;
    }
    columns
}

/// A matching of the first rows; index 0 stands for "none" in both directions.
struct Matching {
    row_potential: Vec<f64>,
    column_potential: Vec<f64>,
    row_of: Vec<usize>,
}

impl Matching {
    fn new(size: usize) -> Self {
        let zeros = vec![0.0; size + 1];
        Self { row_potential: zeros.clone(), column_potential: zeros, row_of: vec![0; size + 1] }
    }

    /// Matches one more row along the cheapest augmenting path.
    fn add_row(&mut self, row: usize, gains: &[Vec<f64>]) {
        let size = gains.len();
        self.row_of[0] = row;
        let mut slack = vec![f64::INFINITY; size + 1];
        let mut previous = vec![0; size + 1];
        let mut visited = vec![false; size + 1];
        let mut column = 0;
        while self.row_of[column] != 0 {
            visited[column] = true;
            let from = self.row_of[column];
            for next in (1..=size).filter(|next| !visited[*next]) {
                // The least cost is the largest gain.
                let cost = -gains[from - 1][next - 1];
                let reduced = cost - self.row_potential[from] - self.column_potential[next];
                if reduced < slack[next] {
                    slack[next] = reduced;
                    previous[next] = column;
                }
            }
            let unvisited = (1..=size).filter(|next| !visited[*next]);
            let Some(nearest) = unvisited.min_by(|a, b| slack[*a].total_cmp(&slack[*b])) else {
                return;
            };
            self.shift_potentials(slack[nearest], &visited, &mut slack);
            column = nearest;
        }
        while column != 0 {
            self.row_of[column] = self.row_of[previous[column]];
            column = previous[column];
        }
    }

    fn shift_potentials(&mut self, delta: f64, visited: &[bool], slack: &mut [f64]) {
        for column in 0..visited.len() {
            if visited[column] {
                self.row_potential[self.row_of[column]] += delta;
                self.column_potential[column] -= delta;
            } else {
                slack[column] -= delta;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn total(gains: &[Vec<f64>], columns: &[usize]) -> f64 {
        gains.iter().zip(columns).map(|(row, column)| row[*column]).sum()
    }

    /// The best total by trying every permutation.
    fn exhaustive(gains: &[Vec<f64>], taken: &mut Vec<usize>) -> f64 {
        if taken.len() == gains.len() {
            return total(gains, taken);
        }
        let mut best = f64::NEG_INFINITY;
        for column in 0..gains.len() {
            if !taken.contains(&column) {
                taken.push(column);
                best = best.max(exhaustive(gains, taken));
                taken.pop();
            }
        }
        best
    }

    #[test]
    fn greedy_would_be_wrong_here() {
        let gains = vec![vec![0.9, 0.8], vec![0.8, 0.1]];
        assert_eq!(best_assignment(&gains), [1, 0]);
    }

    #[test]
    fn equals_the_exhaustive_search() {
        let mut state = 7_u64;
        let mut draw = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            f64::from(u32::try_from(state >> 40).unwrap() % 5) / 4.0
        };
        for size in 0..6 {
            for _ in 0..50 {
                let gains: Vec<Vec<f64>> =
                    (0..size).map(|_| (0..size).map(|_| draw()).collect()).collect();
                let columns = best_assignment(&gains);
                let best = exhaustive(&gains, &mut Vec::new());
                assert!((total(&gains, &columns) - best).abs() < 1e-9, "{gains:?}");
            }
        }
    }
}
