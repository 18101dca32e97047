"""Letters and sums."""
CENTS_A_DAY = 20
MOST_CENTS = 1000


def fine(loan, today):
    """What a loan costs, in cents."""
    return min(loan.days_late(today) * CENTS_A_DAY, MOST_CENTS)


def money(cents):
    return "%d.%02d" % divmod(cents, 100)


def account(store, reader, today):
    """What a reader owes for all loans, in cents."""
    return sum(fine(loan, today) for loan in store.loans if loan.reader == reader)


def reminder(store, reader, today):
    """The letter to a reader with overdue books; None if there are none."""
    late = [loan for loan in store.overdue(today) if loan.reader == reader]
    if not late:
        return None
    lines = ["Dear %s," % reader, "please bring back:"]
    for loan in late:
        lines.append("- %s (due %s)" % (store.books[loan.isbn].title, loan.due))
    lines.append("You owe us %s." % money(account(store, reader, today)))
    return "\n".join(lines)
