from ohmics.seeds import generator


def test_the_same_names_give_the_same_numbers_and_others_do_not() -> None:
    first = generator(1, "thin", "a").random(4)
    assert (first == generator(1, "thin", "a").random(4)).all()
    for other in (generator(2, "thin", "a"), generator(1, "thin", "b"), generator(1, "thi", "na")):
        assert (first != other.random(4)).any()
