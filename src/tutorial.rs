//! The tutorial: a lecture on fully-connected networks and automatic differentiation, walked through with the library and the
//! program.
//!
//! The chapters are the files of `docs/`, where pictures show. Every Rust snippet is a test of this crate, and every shell
//! session one of the program.
//!
//! | chapter | of the lecture |
//! |---|---|
//! | [`composition`] | limits of linear models, layers, blocks and their shapes |
//! | [`forward_mode`] | the chain rule, tangent matrices, jvp |
//! | [`reverse_mode`] | the adjoint program, vjp, memory |
//! | [`which_end_first`] | equation 17, read from either end and from the middle |
//! | [`training`] | losses, mini-batches, gradient descent, choosing hyper-parameters |
//! | [`activations`] | derivatives of nonlinearities, vanishing and exploding gradients |
//! | [`graphs_and_blocks`] | weight sharing, acyclic graphs, custom operations |
//! | [`second_order`] | what comes after |
//! | [`exercises`] | five exercises, with solutions |

#[doc = include_str!("../docs/01-composition.md")]
pub mod composition {}

#[doc = include_str!("../docs/02-forward-mode.md")]
pub mod forward_mode {}

#[doc = include_str!("../docs/03-reverse-mode.md")]
pub mod reverse_mode {}

#[doc = include_str!("../docs/04-which-end-first.md")]
pub mod which_end_first {}

#[doc = include_str!("../docs/05-training.md")]
pub mod training {}

#[doc = include_str!("../docs/06-activations.md")]
pub mod activations {}

#[doc = include_str!("../docs/07-graphs-and-blocks.md")]
pub mod graphs_and_blocks {}

#[doc = include_str!("../docs/08-second-order.md")]
pub mod second_order {}

/// For students: by hand, by formula, and by finding what is wrong.
#[doc = include_str!("../docs/exercises/README.md")]
pub mod exercises {
    #[doc = include_str!("../docs/exercises/solutions.md")]
    pub mod solutions {}
}

#[cfg(test)]
mod tests {
    /// A chapter that is no module would be read by nobody's tests.
    #[test]
    fn every_chapter_is_here() {
        let docs = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs");
        let names = std::fs::read_dir(docs)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap());
        // A chapter's name starts with its number.
        let numbered = |name: &String| name.starts_with(|c: char| c.is_ascii_digit());
        let texts = names.filter(|name| name.ends_with(".md"));
        let chapters: Vec<String> = texts.filter(numbered).collect();
        assert_eq!(chapters.len(), 8);
        for name in chapters {
            let line = format!("#[doc = include_str!(\"../docs/{name}\")]");
            assert!(include_str!("tutorial.rs").contains(&line), "{name}");
        }
    }
}
