//! Tests of the multipart reader.

use super::*;
use crate::services::Problem;

#[derive(Default)]
struct Seen(Vec<String>);

impl Sink for Seen {
    fn is_file(&self, name: &str) -> bool {
        name == "cv"
    }

    async fn text(&mut self, name: &str, value: String) -> Result<(), HttpError> {
        if name == "bad" {
            return Err(HttpError::invalid(vec![Problem { field: None, code: "x", message: String::new().into() }]));
        }
        self.0.push(format!("{name}={value}"));
        Ok(())
    }

    async fn begin_file(&mut self, name: &str, file_name: Option<&str>) -> Result<(), HttpError> {
        self.0.push(format!("{name}:{}:0", file_name.unwrap_or("-")));
        Ok(())
    }

    async fn chunk(&mut self, piece: &[u8]) -> Result<(), HttpError> {
        let last = self.0.pop().unwrap();
        let (head, n) = last.rsplit_once(':').unwrap();
        self.0.push(format!("{head}:{}", n.parse::<usize>().unwrap() + piece.len()));
        Ok(())
    }

    async fn end_file(&mut self) -> Result<(), HttpError> {
        Ok(())
    }
}

const MOST: Most = Most { parts: 4, header: 1024, text: 100, total: 100_000 };

async fn run_pieces(content_type: &str, pieces: Vec<Vec<u8>>) -> Result<Vec<String>, (u16, Option<String>)> {
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, content_type.parse().unwrap());
    let pieces = pieces.into_iter().map(|p| Ok::<_, std::convert::Infallible>(Bytes::from(p)));
    let body = Body::from_stream(futures_util::stream::iter(pieces.collect::<Vec<_>>()));
    let mut seen = Seen::default();
    match read(&headers, body, MOST, &mut seen).await {
        Ok(()) => Ok(seen.0),
        Err(e) => Err((e.status.as_u16(), e.problems.first().and_then(|p| p.field.clone()))),
    }
}

async fn run(body: &[u8]) -> Result<Vec<String>, (u16, Option<String>)> {
    let whole = run_pieces("multipart/form-data; boundary=B", vec![body.to_vec()]).await;
    // The same in pieces of one byte: where the cuts fall must not matter.
    let cut = run_pieces("multipart/form-data; boundary=B", body.iter().map(|b| vec![*b]).collect()).await;
    assert_eq!(whole, cut);
    whole
}

fn part(head: &str, content: &[u8]) -> Vec<u8> {
    [b"--B\r\nContent-Disposition: form-data; ", head.as_bytes(), b"\r\n\r\n", content, b"\r\n"].concat()
}

#[tokio::test]
async fn text_and_files() {
    let body = [
        part("name=\"name\"", "Zoë".as_bytes()),
        part("name=\"cv\"; filename=\"a.pdf\"\r\nContent-Type: application/pdf", &[7; 5000]),
        part("name=\"cv\"", b"--B without a line break before it"),
        b"--B--\r\n".to_vec(),
    ]
    .concat();
    assert_eq!(run(&body).await.unwrap(), ["name=Zoë", "cv:a.pdf:5000", "cv:-:34"]);
}

#[tokio::test]
async fn broken_bodies_are_400() {
    let good = part("name=\"name\"", b"x");
    for bad in [
        b"".to_vec(),
        b"no boundary at all".to_vec(),
        good.clone(),
        [good.clone(), b"--B".to_vec()].concat(),
        b"--B\r\nContent-Disposition form-data\r\n\r\nx\r\n--B--".to_vec(),
        b"--B\r\n\r\nx\r\n--B--\r\n".to_vec(),
        [part("", b"x"), b"--B--\r\n".to_vec()].concat(),
        [part("name=\"\"", b"x"), b"--B--\r\n".to_vec()].concat(),
        [part(&format!("name=\"{}\"", "n".repeat(200)), b"x"), b"--B--\r\n".to_vec()].concat(),
        [good.repeat(5), b"--B--\r\n".to_vec()].concat(),
    ] {
        assert_eq!(run(&bad).await, Err((400, None)), "{:?}", String::from_utf8_lossy(&bad));
    }
    for content_type in ["multipart/form-data", "multipart/form-data; boundary=", "multipart/form-data; boundary=C"] {
        let body = [good.clone(), b"--B--\r\n".to_vec()].concat();
        assert_eq!(run_pieces(content_type, vec![body]).await, Err((400, None)), "{content_type}");
    }
}

#[tokio::test]
async fn an_endless_header_or_preamble_is_cut() {
    for start in ["--B\r\nContent-Disposition: form-data; name=\"a\r\n", "preamble", "--B\r\nX: "] {
        let mut pieces = vec![start.as_bytes().to_vec()];
        pieces.extend(std::iter::repeat_n(vec![b'a'; 100], 500));
        assert_eq!(run_pieces("multipart/form-data; boundary=B", pieces).await, Err((400, None)), "{start}");
    }
}

#[tokio::test]
async fn mistakes_name_the_field() {
    let end = b"--B--\r\n".to_vec();
    let some = |s: &str| Some(s.to_owned());
    let bad = [part("name=\"name\"", b"\xff\xfe"), end.clone()].concat();
    assert_eq!(run(&bad).await, Err((422, some("name"))));
    let long = [part("name=\"name\"", &[b'x'; 101]), end.clone()].concat();
    assert_eq!(run(&long).await, Err((413, some("name"))));
    let refused = [part("name=\"bad\"", b"x"), part("name=\"more\"", b"x"), end.clone()].concat();
    assert_eq!(run(&refused).await, Err((422, None)));
    let huge = [part("name=\"cv\"; filename=\"a\"", &[1; 100_001]), end].concat();
    let pieces = huge.chunks(9000).map(<[u8]>::to_vec).collect();
    assert_eq!(run_pieces("multipart/form-data; boundary=B", pieces).await, Err((413, None)));
}
