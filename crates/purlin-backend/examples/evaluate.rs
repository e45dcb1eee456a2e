//! Computes what it reads: lines `function x [y]` with arguments as the hexadecimal bits of a
//! double; prints the bits of each result. `tools/reference.py` searches for hard arguments with
//! it. Try: echo exp 3ff0000000000000 | cargo run -p purlin-backend --example evaluate
use purlin_backend::elementwise::ops;
use purlin_backend::math::{scalar, scalar2};
use std::io::{self, BufRead, Write};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    for line in io::stdin().lock().lines() {
        let line = line?;
        let mut words = line.split_whitespace();
        let name = words.next().ok_or("expected a function")?;
        let mut number = || -> Result<f64, Box<dyn std::error::Error>> {
            let word = words.next().ok_or("expected a number")?;
            Ok(f64::from_bits(u64::from_str_radix(word, 16)?))
        };
        let x = number()?;
        let y = match name {
            "exp" => scalar(ops::Exp, x),
            "expm1" => scalar(ops::Expm1, x),
            "ln" => scalar(ops::Ln, x),
            "ln_1p" => scalar(ops::Ln1p, x),
            "sin" => scalar(ops::Sin, x),
            "cos" => scalar(ops::Cos, x),
            "tanh" => scalar(ops::Tanh, x),
            "sigmoid" => scalar(ops::Sigmoid, x),
            "silu" => scalar(ops::Silu, x),
            "softplus" => scalar(ops::Softplus(1.0, f64::INFINITY), x),
            "erf" => scalar(ops::Erf, x),
            "erfc" => scalar(ops::Erfc, x),
            "gelu" => scalar(ops::Gelu, x),
            "gelu_tanh" => scalar(ops::GeluTanh, x),
            "pow" => scalar2(ops::PowElem, x, number()?),
            _ => return Err(format!("unknown function {name}").into()),
        };
        writeln!(out, "{:x}", y.to_bits())?;
    }
    Ok(())
}
