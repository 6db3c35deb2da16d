//! Which iris it is: a Gaussian classifier over the means of Fisher's (1936) measurements, with a spread shared by the classes.

use serde_json::{Value, json};

/// Measurements in centimetres: sepal length, sepal width, petal length, petal width.
pub type Flower = [f64; 4];

/// Reads a flower from JSON: an object with the four names, an object with `features`, or an array of four numbers.
pub fn read(body: &[u8]) -> Result<Flower, String> {
    let value: Value = serde_json::from_slice(body).map_err(|error| format!("the body is not JSON: {error}"))?;
    let list = value.get("features").unwrap_or(&value);
    let number = |at: usize| match list {
        Value::Array(list) if list.len() == 4 => list.get(at).and_then(Value::as_f64),
        Value::Object(map) => map.get(NAMES[at]).and_then(Value::as_f64),
        _ => None,
    };
    let mut flower = [0.0; 4];
    for (at, slot) in flower.iter_mut().enumerate() {
        *slot = number(at).ok_or_else(|| {
            format!("expected the number '{}' in {{\"sepal_length\": 5.1, \"sepal_width\": 3.5, \"petal_length\": 1.4, \"petal_width\": 0.2}}", NAMES[at])
        })?;
    }
    Ok(flower)
}

/// The species, with the probability of each.
pub fn predict(flower: &Flower) -> Value {
    let score = |means: &Flower| -> f64 {
        means.iter().zip(flower).zip(SPREAD).map(|((mean, x), spread)| -((x - mean) / spread).powi(2) / 2.0).sum()
    };
    let scores = CLASSES.map(|(_, means)| score(&means));
    let best = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let weights = scores.map(|score| (score - best).exp());
    let total: f64 = weights.iter().sum();
    let winner = scores.iter().position(|score| *score == best).unwrap_or(0);
    let rounded = |weight: f64| (weight / total * 10_000.0).round() / 10_000.0;
    json!({
        "prediction": CLASSES[winner].0,
        "probabilities": {
            CLASSES[0].0: rounded(weights[0]), CLASSES[1].0: rounded(weights[1]), CLASSES[2].0: rounded(weights[2]),
        },
    })
}

const NAMES: [&str; 4] = ["sepal_length", "sepal_width", "petal_length", "petal_width"];
const SPREAD: Flower = [0.515, 0.340, 0.430, 0.205];
const CLASSES: [(&str, Flower); 3] = [
    ("setosa", [5.006, 3.428, 1.462, 0.246]),
    ("versicolor", [5.936, 2.770, 4.260, 1.326]),
    ("virginica", [6.588, 2.974, 5.552, 2.026]),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typical_flowers_are_told_apart() {
        for (flower, species) in [
            ([5.1, 3.5, 1.4, 0.2], "setosa"),
            ([6.0, 2.7, 4.2, 1.3], "versicolor"),
            ([6.9, 3.1, 5.6, 2.2], "virginica"),
        ] {
            assert_eq!(predict(&flower)["prediction"], species);
        }
    }

    #[test]
    fn three_shapes_of_input_are_read_and_others_explained() {
        let named = br#"{"sepal_length":5.1,"sepal_width":3.5,"petal_length":1.4,"petal_width":0.2}"#;
        assert_eq!(read(named), Ok([5.1, 3.5, 1.4, 0.2]));
        assert_eq!(read(b"[5.1,3.5,1.4,0.2]"), Ok([5.1, 3.5, 1.4, 0.2]));
        assert_eq!(read(br#"{"features":[5.1,3.5,1.4,0.2]}"#), Ok([5.1, 3.5, 1.4, 0.2]));
        assert!(read(b"{}").is_err_and(|why| why.contains("sepal_length")));
        assert!(read(b"x").is_err());
    }
}
